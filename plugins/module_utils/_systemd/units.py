# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the system manager says about its units: the question, and the answer taken apart.

Sources: systemctl(1), org.freedesktop.systemd1(5); src/shared/bus-print-properties.c of 247, 252 and 257.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, Iterable, List, Mapping, Optional, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, InvalidPolicy, TooMuch
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd import names as unit_names
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.quoting import split, unescaped

PROPERTIES: Tuple[str, ...] = (
    "Id",
    "Names",
    "LoadState",
    "ActiveState",
    "SubState",
    "UnitFileState",
    "FragmentPath",
    "DropInPaths",
    "NeedDaemonReload",
    "MainPID",
    "ControlGroup",
    "OOMScoreAdjust",
    "OOMPolicy",
    "MemoryMin",
    "MemoryLow",
    "MemoryCurrent",
    "MemoryPeak",
    "ManagedOOMPreference",
    "Type",
    "User",
    "TriggeredBy",
)

# What is looked at of one host, which is much more than real ones have.
MOST_CHARACTERS = 16 * 1024 * 1024
MOST_NAMES = 20_000
MOST_WORDS = 1000  # of one property

# How older systemd (219 and 239 among them) prints each backslash of a text.
_ESCAPED = "\\x5c"
_VERSION = re.compile(r"systemd ([0-9]{1,9})\b")
_UNSET = 2**64 - 1  # how the manager stores "no limit" and "not known"


@dataclass(frozen=True)
class UnitProperties:
    """One unit as C(systemctl show) prints it. Source: org.freedesktop.systemd1(5), systemd.exec(5).

    C(None) means that this systemd does not print the property, for this type of unit or at all; of memory also that
    none is set, for which different versions print C([not set]), C(infinity) or 2^64-1.
    """

    id: str
    """C(Id): its name."""

    names: Tuple[str, ...]
    """C(Names): its name and its aliases."""

    load_state: Optional[str]
    """C(LoadState), such as C(loaded), C(masked), C(not-found)."""

    active_state: Optional[str]
    """C(ActiveState), such as C(active), C(failed)."""

    sub_state: Optional[str]
    """C(SubState), such as C(running), C(exited)."""

    unit_file_state: Optional[str]
    """C(UnitFileState), such as C(enabled), C(static)."""

    fragment_path: Optional[str]
    """C(FragmentPath): its unit file."""

    dropin_paths: Tuple[str, ...]
    """C(DropInPaths): the drop-ins that systemd has loaded."""

    need_daemon_reload: Optional[bool]
    """C(NeedDaemonReload): systemd's own word on whether the disk says something newer."""

    main_pid: Optional[int]
    """C(MainPID): number of the main process; null where there is none."""

    control_group: Optional[str]
    """C(ControlGroup): path of its control group, empty where it has none now."""

    oom_score_adjust: Optional[int]
    """C(OOMScoreAdjust): a number from -1000 to 1000; where nothing is set that of the manager or
    C(DefaultOOMScoreAdjust).
    """

    oom_policy: Optional[str]
    """C(OOMPolicy): C(stop), C(continue) or C(kill) (243)."""

    memory_min_bytes: Optional[int]
    """C(MemoryMin) (240), in bytes."""

    memory_low_bytes: Optional[int]
    """C(MemoryLow) (231), in bytes."""

    memory_current_bytes: Optional[int]
    """C(MemoryCurrent): what its control group holds, page cache included, in bytes."""

    memory_peak_bytes: Optional[int]
    """C(MemoryPeak) (255): the most it has held, in bytes."""

    managed_oom_preference: Optional[str]
    """C(ManagedOOMPreference) (248): C(none), C(avoid) or C(omit), for systemd-oomd(8)."""

    type: Optional[str]
    """C(Type) of a service, such as C(notify), C(oneshot)."""

    user: Optional[str]
    """C(User) that it runs as; empty or null for root."""

    triggered_by: Tuple[str, ...]
    """C(TriggeredBy): units that start it, such as sockets and timers."""


def show_argv(units: Iterable[str], all_loaded: bool = False) -> List[str]:
    """Arguments that ask for I(PROPERTIES) of I(units), one block of output each, and of I(all_loaded) services.

    A template stands for its loaded instances, of which there may be none: the manager has no answer for itself.
    Raises InvalidPolicy for a bad name, and where no unit is named (systemctl would show the manager itself).
    """
    units = list(units)
    loaded = ["*.service"] if all_loaded else []
    if not units and not loaded:
        raise InvalidPolicy("no unit is named; name at least one, such as 'nginx.service'")
    return [*SHOW, *loaded, *patterns(units)]


def patterns(units: Iterable[str]) -> List[str]:
    """What systemctl is given for I(units)."""
    parsed = [unit_names.parse(unit) for unit in units]
    return [_instances_of(unit) if unit.is_template else str(unit) for unit in parsed]


def _instances_of(template: unit_names.UnitName) -> str:
    # fnmatch(3): a backslash of the name (from systemd-escape) would quote the next character.
    prefix = template.prefix.replace("\\", "\\\\")
    return f"{prefix}@*.{template.type}"


def parse_show(text: str) -> Tuple[UnitProperties, ...]:
    """Units in the order of the blocks that C(systemctl show) printed; an alias gives its unit again.

    Raises HostError where a block has no C(Id) or a property is not what its name promises, TooMuch for more than
    is looked at.
    """
    units = tuple(_unit(block) for block in blocks(text))
    TooMuch.check("systemctl show: units and their names", sum(len(unit.names) for unit in units), MOST_NAMES)
    return units


def blocks(text: str) -> List[Dict[str, str]]:
    """What C(systemctl show) printed, unit by unit, for C(text()) and C(words()).

    Raises HostError for a line that is no property, and TooMuch.
    """
    TooMuch.check("systemctl show: characters", len(text), MOST_CHARACTERS)
    found: List[Dict[str, str]] = [{}]
    for line in text.split("\n"):
        key, equals, value = line.partition("=")
        if equals:
            found[-1][key] = value
        elif line:
            raise _unreadable("line", line, "KEY=VALUE")
        elif found[-1]:
            found.append({})
            TooMuch.check("systemctl show: units", len(found), MOST_NAMES)
    return [block for block in found if block]


def by_name(units: Iterable[UnitProperties]) -> Dict[str, UnitProperties]:
    """Each unit under its C(Id) and under all of its names."""
    return {name: unit for unit in units for name in (*unit.names, unit.id)}


def parse_version(text: str) -> int:
    """The version in the first line of C(systemctl --version): 252 for C(systemd 252 (252.39-1)).

    Raises HostError where there is none.
    """
    match = _VERSION.match(text)
    if match is None:
        raise _unreadable("version", text[:60], "'systemd NUMBER'")
    return int(match.group(1))


SHOW = ("systemctl", "show", "--no-pager", "--property=" + ",".join(PROPERTIES), "--")


def _unit(block: Mapping[str, str]) -> UnitProperties:
    if not block.get("Id"):
        raise _unreadable("block", "; ".join(f"{key}={block[key]}" for key in block)[:200], "a line Id=UNIT")
    return UnitProperties(
        id=text(block, "Id") or "",
        names=words(block, "Names"),
        load_state=text(block, "LoadState"),
        active_state=text(block, "ActiveState"),
        sub_state=text(block, "SubState"),
        unit_file_state=text(block, "UnitFileState"),
        fragment_path=text(block, "FragmentPath"),
        dropin_paths=words(block, "DropInPaths"),
        need_daemon_reload=_flag(block, "NeedDaemonReload"),
        main_pid=_number(block, "MainPID") or None,
        control_group=text(block, "ControlGroup"),
        oom_score_adjust=_number(block, "OOMScoreAdjust"),
        oom_policy=text(block, "OOMPolicy"),
        memory_min_bytes=_number(block, "MemoryMin"),
        memory_low_bytes=_number(block, "MemoryLow"),
        memory_current_bytes=_number(block, "MemoryCurrent"),
        memory_peak_bytes=_number(block, "MemoryPeak"),
        managed_oom_preference=text(block, "ManagedOOMPreference"),
        type=text(block, "Type"),
        user=text(block, "User"),
        triggered_by=words(block, "TriggeredBy"),
    )


def text(block: Mapping[str, str], key: str) -> Optional[str]:
    """A property that is one text. Older systemd prints it as the words of a list, newer as it is."""
    value = block.get(key)
    if value is None or value == "[unprintable]":  # systemctl's word for a text with a line break
        return None
    return unescaped(value) if _ESCAPED in value and _is_escaped(block) else value


def _is_escaped(block: Mapping[str, str]) -> bool:
    """By the name of the unit, which is told in both ways; without a backslash in it nobody would escape one twice."""
    unit = block.get("Id", "")
    return _ESCAPED not in unit or unit not in words(block, "Names")


def _flag(block: Mapping[str, str], key: str) -> Optional[bool]:
    value = block.get(key)
    if value not in (None, "yes", "no"):
        raise _unreadable(key, str(value), "yes or no")
    return None if value is None else value == "yes"


def _number(block: Mapping[str, str], key: str) -> Optional[int]:
    value = block.get(key)
    if value in (None, "", "[not set]", "[no data]", "infinity"):
        return None
    if not re.fullmatch(r"-?[0-9]{1,20}", str(value)):
        raise _unreadable(key, str(value), "a number")
    number = int(str(value))
    return None if number >= _UNSET else number


def words(block: Mapping[str, str], key: str) -> Tuple[str, ...]:
    """A property that is a list."""
    found = split(block.get(key, ""))
    TooMuch.check(f"systemctl show: words of {key} of {block.get('Id')}", len(found), MOST_WORDS)
    return found


def _unreadable(what: str, found: str, expected: str) -> HostError:
    return HostError(
        f"systemctl: {what} {found!r} cannot be read, expected {expected}; "
        "run the command by hand, and report this with its output and 'systemctl --version'",
        "systemctl",
    )
