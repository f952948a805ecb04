# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which drop-ins apply to a unit, in which order, and which assignment of a setting wins.

Text in, dataclasses out. Sources: systemd.unit(5) and systemd.syntax(7); src/shared/dropin.c,
src/basic/conf-files.c and src/shared/conf-parser.c of 247, 252 and 257 (the same rules in all three).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from posixpath import basename, dirname
from typing import Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import InvalidPolicy
from ansible_collections.lifeboat.oom.plugins.module_utils._kept_lines import (
    HIDDEN,
    goes_on,
    kept_lines,
    setting_pattern,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd import names as unit_names
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.settings import KEYS, WORDS

# Where the system manager looks, most important first (C(systemctl show -p UnitPath), 252). Where C(/lib) is
# a link to C(/usr/lib), the two C(lib) entries are one folder: the reader of the disk skips the link.
SEARCH_PATH: Tuple[str, ...] = (
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system.attached",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/run/systemd/generator.late",
)

OWN_NAME = "zz-lifeboat-oom.conf"

_PREFIX_DIRS_SINCE = 239  # C(foo-.service.d) for C(foo-bar.service)
_TYPE_DIRS_SINCE = 244  # C(service.d)
_TYPE_DIRS_BROUGHT_BACK = 239  # Red Hat Enterprise Linux 8

_WHITESPACE = " \t\n\r"
_BOM = "\ufeff"
_END_OF_LINE = re.compile("(?:\n\r|\r\n|\n|\r)\0?|\0")
_NOT_UTF8 = re.compile("[\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")  # surrogates stand for undecodable bytes
_UNSAFE_IN_HEADER = re.compile("[\x01-\x1f\x7f\"'\\\\]")
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_PLAIN_HEADER = re.compile(r"[ \t]*\[({})\][ \t]*".format("|".join(unit_names.SECTIONS)))
_MANAGED = re.compile(r"([ \t]*({})[ \t]*=)(.*?)(\\*)".format("|".join(KEYS)), re.DOTALL)

# What our own drop-ins say about themselves.
HEADER = (
    "Managed by the Ansible collection lifeboat.oom: changes to this file are overwritten.\n"
    "Declare the service in the inventory (oom_protect_services) instead."
)
# Says that the folder was made for this file, and may go with it.
OUR_FOLDER = "The folder was made for this file."
_OWN_LINES = tuple("# " + line for line in (HEADER + "\n" + OUR_FOLDER).split("\n"))
# Extended regular expressions for the lines that C(kept()) shows whole.
KEPT_PATTERNS = (
    setting_pattern(KEYS, WORDS),
    "\\[({})\\][^!-~]*$".format("|".join(unit_names.SECTIONS)),
    *("{}$".format(re.sub(r"([.()])", r"\\\1", line)) for line in _OWN_LINES),
)


@dataclass(frozen=True)
class DropIn:
    """A unit file or drop-in as found on disk."""

    path: str
    """Its path."""

    text: Optional[str]
    """What stands in it, of the lines that set nothing of ours only their kind: they may hold passwords; null where the
    name is taken but nothing can be read there: a link to C(/dev/null) (a mask), a dangling link, a folder.
    """


@dataclass(frozen=True)
class Assignment:
    """I(key)C(=)I(value) at I(line) (counted from 1, the first one of a continued line) of I(path)."""

    path: str
    line: int
    key: str
    value: str


@dataclass(frozen=True)
class Merged:
    """What systemd makes of a unit file and its drop-ins.

    I(applied) in the order in which they are read, masks included (what C(DropInPaths) shows); I(winners) the
    last accepted assignment of each key, where a value of C("") forgets what was set before (the score is
    then the manager's own, not C(DefaultOOMScoreAdjust)); I(refused) the assignments of known keys whose
    value systemd ignores.
    """

    applied: Tuple[DropIn, ...]
    winners: Mapping[str, Assignment]
    refused: Tuple[Assignment, ...]


def dropin_dirs(unit: str, names: Iterable[str] = (), version: Optional[int] = None) -> Tuple[str, ...]:
    """Names of the drop-in folders that apply to I(unit) (its C(Id)) with I(names) (its C(Names)).

    I(version) is that of systemd, C(None) a current one: older ones know fewer folders.
    C(app-web@one.service) has C(app-web@one.service.d), C(app-web@.service.d), C(app-.service.d),
    C(app-@one.service.d), C(app-@.service.d) and C(service.d).
    """
    specific, general = _dirs_by_name(unit, names, version)
    ordered = [folder for group in specific for folder in group] + general
    return tuple(dict.fromkeys(ordered))


def dropin_folders(unit: str, names: Iterable[str] = (), version: Optional[int] = None) -> Tuple[str, ...]:
    """Full paths of those folders. Of files with equal names only the one in the first folder counts.

    The name of the unit comes first, then its aliases in the order of C(Names), then C(service.d); for each
    of them the search path decides, and within one entry of it the more specific folder.
    """
    specific, general = _dirs_by_name(unit, names, version)
    ordered = [root + "/" + folder for group in [*specific, general] for root in SEARCH_PATH for folder in group]
    return tuple(dict.fromkeys(ordered))


def applied(
    dropins: Iterable[DropIn], unit: str, names: Iterable[str] = (), version: Optional[int] = None
) -> Tuple[DropIn, ...]:
    """Those of I(dropins) that systemd reads for I(unit), in its order: by file name over all folders."""
    rank = {folder: place for place, folder in enumerate(dropin_folders(unit, names, version))}
    candidates = [dropin for dropin in dropins if dirname(dropin.path) in rank and _is_conf(basename(dropin.path))]
    chosen: Dict[str, DropIn] = {}
    for dropin in sorted(candidates, key=lambda found: rank[dirname(found.path)]):
        chosen.setdefault(basename(dropin.path), dropin)
    return tuple(chosen[name] for name in sorted(chosen, key=lambda name: name.encode("utf-8", "surrogateescape")))


def merge(
    fragment: Optional[DropIn],
    dropins: Iterable[DropIn],
    unit: str,
    names: Iterable[str] = (),
    version: Optional[int] = None,
) -> Merged:
    """Read the unit file and then its drop-ins as systemd does; see C(Merged).

    I(fragment) is C(FragmentPath) with its text, C(None) where the unit has no file. A masked unit has no
    settings at all: look at C(LoadState) first.
    """
    section = unit_names.split(unit).section
    files = applied(dropins, unit, names, version)
    winners: Dict[str, Assignment] = {}
    refused: List[Assignment] = []
    for source in ([fragment] if fragment else []) + list(files):
        for line, key, value in read_section(source.text or "", section):
            assignment = Assignment(source.path, line, key, value)
            if key in KEYS and not KEYS[key].accepts(value):
                refused.append(assignment)
            else:
                winners[key] = assignment
    return Merged(files, winners, tuple(refused))


def read_section(text: str, section: str = "Service") -> Iterator[Tuple[int, str, str]]:
    """Line, key and value of each assignment in I(section), as systemd reads them.

    Reading stops, as in systemd, at a malformed section header and at a line that is not UTF-8.
    """
    current = ""
    for number, raw in _logical_lines(text):
        line = raw.strip(_WHITESPACE)
        if not line:
            continue
        if _NOT_UTF8.search(line):
            return
        if line.startswith("["):
            if _ends_reading(line):
                return
            current = line[1:-1]
            continue
        key, equals, value = line.partition("=")
        if current == section and equals and key:
            yield number, key.rstrip(_WHITESPACE), value.strip(_WHITESPACE)


def kept(text: str) -> str:
    """What C(read_section()) needs of a text to find our settings, and what makes a drop-in ours; the rest hidden."""
    return kept_lines(text, _kept)


def _kept(line: str) -> Optional[str]:
    bare = line.lstrip(_BOM).strip(_WHITESPACE)
    if line in _OWN_LINES or bare[:1] in ("#", ";"):
        return line if line in _OWN_LINES else None
    if _NOT_UTF8.search(bare) or (bare.startswith("[") and _ends_reading(bare)):
        return "["
    managed = _MANAGED.fullmatch(line.lstrip(_BOM))
    if managed:
        start, key, value, end = managed.groups()
        return line if KEYS[key].accepts(value.strip(_WHITESPACE)) else start + HIDDEN + end
    return line if _PLAIN_HEADER.fullmatch(line.lstrip(_BOM)) else None


def _ends_reading(header: str) -> bool:
    return header == "[" or not header.endswith("]") or bool(_UNSAFE_IN_HEADER.search(header))


def render(settings: Mapping[str, object], header: str, section: str = "Service") -> str:
    """Text of our own drop-in: I(header) as comment lines, then the settings sorted by key.

    Raises InvalidPolicy for a key or value that would not be read back as it is.
    """
    lines = [("# " + line).rstrip() for line in _END_OF_LINE.split(header)]
    lines.append(f"[{section}]")
    for key in sorted(settings):
        value = str(settings[key])
        line = f"{key}={value}"
        if not _KEY.fullmatch(key) or list(read_section("[s]\n" + line, "s")) != [(2, key, value)]:
            raise InvalidPolicy(
                f"setting {line!r}: a unit file cannot hold it; expected a key of letters and digits, and a "
                "value on one line, without spaces around it and without a backslash at its end"
            )
        lines.append(line)
    return "\n".join(lines) + "\n"


def parse(text: str, section: str = "Service") -> Dict[str, str]:
    """The settings in our own drop-in: the last value of each key."""
    return {key: value for _line, key, value in read_section(text, section)}


def own_path(unit: str) -> str:
    """Where our drop-in for I(unit) belongs, a declared name or an C(Id). Raises InvalidPolicy for a path."""
    if "/" in unit or "\0" in unit:
        raise InvalidPolicy(f"unit name {unit!r}: found a path, expected a name such as 'nginx.service'; name the unit")
    return f"/etc/systemd/system/{unit_names.split(unit)}.d/{OWN_NAME}"


def _is_conf(name: str) -> bool:
    return name.endswith(".conf") and not name.startswith(".")


def _dirs_by_name(unit: str, names: Iterable[str], version: Optional[int]) -> Tuple[List[List[str]], List[str]]:
    """The folders of each name of the unit, and those of its type."""
    parsed = unit_names.split(unit)
    prefixes = version is None or version >= _PREFIX_DIRS_SINCE
    types = version is None or version >= _TYPE_DIRS_SINCE or version == _TYPE_DIRS_BROUGHT_BACK
    every = dict.fromkeys([str(parsed), *names])
    specific = [[name + ".d" for name in _generalised(unit_names.split(name), prefixes)] for name in every]
    return specific, [parsed.type + ".d"] if types else []


def _generalised(unit: unit_names.UnitName, prefixes: bool) -> Iterator[str]:
    """The unit's name, and the more general names that share its drop-ins (unit_file_find_dirs())."""
    yield str(unit)
    if unit.is_instance:
        # The way over the template loses the "@": it leads to app-.service, not to app-@.service.
        yield from _generalised(unit_names.UnitName(unit.prefix, "", unit.type), prefixes)
    shorter = _truncated(unit.prefix)
    if prefixes and shorter:
        yield from _generalised(unit_names.UnitName(shorter, unit.instance or None, unit.type), prefixes)


def _truncated(prefix: str) -> str:
    """The prefix up to its last dash that is not its last character: a-b- gives a-, a- gives nothing."""
    dash = (prefix[:-1] if prefix.endswith("-") else prefix).rfind("-")
    return prefix[: dash + 1] if dash > 0 else ""


def _logical_lines(text: str) -> Iterator[Tuple[int, str]]:
    """Lines with their number, continuations joined; comments are dropped, also within a continuation."""
    pending, start, bom_seen = "", 0, False
    for number, raw in enumerate(_END_OF_LINE.split(text), 1):
        line = raw
        if line.lstrip(_WHITESPACE)[:1] in ("#", ";"):
            continue
        if not bom_seen and line.startswith(_BOM):
            line, bom_seen = line[1:], True
        pending, start = pending + line, start or number
        if goes_on(pending):
            pending = pending[:-1] + " "
            continue
        yield start, pending
        pending, start = "", 0
    if start:
        yield start, pending
