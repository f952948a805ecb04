# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of systemd units: one spelling, checked once.

The rules are those of C(unit_name_is_valid()) (systemd 252, src/basic/unit-name.c; systemd.unit(5)), made
narrower where a name could be mistaken for an option, a path or a pattern.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import InvalidPolicy

# Types of unit that start processes of their own and so can have a score.
SCORED_TYPES = ("service", "socket", "mount", "swap")

_REFUSED_TYPES = {
    "scope": "a scope adopts processes that something else has started and scored",
    "slice": "a slice groups units and starts no process",
    "target": "a target groups units and starts no process",
    "timer": "a timer starts no process; name the service that it triggers",
    "path": "a path unit starts no process; name the service that it triggers",
    "device": "a device starts no process",
    "automount": "an automount starts no process; name the mount",
}
_TYPES = frozenset(SCORED_TYPES) | frozenset(_REFUSED_TYPES)
SECTIONS = ("Unit", "Install", *(kind.capitalize() for kind in sorted(_TYPES)))
_MAX_BYTES = 255  # UNIT_NAME_MAX is 256 with the closing NUL
_FOREIGN = re.compile(r"[^A-Za-z0-9:_.\\@-]")
_GLOB = re.compile(r"[*?\[\]!]")


@dataclass(frozen=True)
class UnitName:
    """The parts of a unit name.

    I(prefix) stands before the first C(@); I(instance) after it (C(None) for a plain unit, C("") for a
    template); I(type) is what stands behind the last dot.
    """

    prefix: str
    instance: Optional[str]
    type: str

    def __str__(self) -> str:
        at = "" if self.instance is None else "@" + self.instance
        return self.prefix + at + "." + self.type

    @property
    def is_template(self) -> bool:
        """C(app@.service): settings for all instances; it never runs itself and cannot be asked for."""
        return self.instance == ""

    @property
    def is_instance(self) -> bool:
        """C(app@one.service)."""
        return bool(self.instance)

    @property
    def template_of(self) -> Optional[str]:
        """The template of an instance: C(app@.service) for C(app@one.service), else C(None)."""
        return str(UnitName(self.prefix, "", self.type)) if self.is_instance else None

    @property
    def section(self) -> str:
        """The section of the unit file that holds its OOM settings: C(Service), C(Socket), ..."""
        return self.type.capitalize()


def split(name: str) -> UnitName:
    """Take apart a name that systemd reported (C(Id), C(Names)); nothing is checked, nothing raised."""
    stem, dot, suffix = name.rpartition(".")
    if not dot or suffix not in _TYPES:
        stem, suffix = name, "service"
    prefix, at, instance = stem.partition("@")
    return UnitName(prefix, instance if at else None, suffix)


def parse(name: str) -> UnitName:
    """Check a declared name and take it apart; without a known type it is a service, as for systemctl(1).

    Raises InvalidPolicy, saying what was found, what was expected and what to do.
    """
    _check_characters(name)
    unit = split(name)
    if unit.type in _REFUSED_TYPES:
        expected = "a service, socket, mount or swap unit"
        raise _invalid(name, f"the type '{unit.type}'", expected, _REFUSED_TYPES[unit.type])
    if not unit.prefix:
        raise _invalid(name, "nothing before its '@'", "a name such as 'getty@tty1.service'", "name the unit")
    if ".." in str(unit):
        raise _invalid(name, "'..'", "a name, not a path", "name the unit as systemctl list-units does")
    size = len(str(unit))
    if size > _MAX_BYTES:
        remedy = "take the name from systemctl list-units"
        raise _invalid(name[:40] + "...", f"{size} bytes", f"at most {_MAX_BYTES}", remedy)
    return unit


def canonical(name: str) -> str:
    """The one spelling of a unit name: C(nginx) is C(nginx.service). Raises as C(parse())."""
    return str(parse(name))


def _check_characters(name: str) -> None:
    if not name:
        raise _invalid(name, "nothing", "a unit name such as 'nginx.service'", "name the unit")
    if name[0] in "-.":
        raise _invalid(name, f"a leading {name[0]!r}", "a name, not an option or a hidden file", "name the unit")
    if _GLOB.search(name):
        remedy = "name each unit, or a template such as 'app@.service' for all of its instances"
        raise _invalid(name, "a pattern", "the name of one unit", remedy)
    foreign = _FOREIGN.search(name)
    if foreign:
        expected = "only letters, digits and the characters : _ . - \\ @"
        remedy = "name the unit as systemctl list-units does; systemd-escape turns a path into a name"
        raise _invalid(name, repr(foreign.group()), expected, remedy)


def _invalid(name: str, found: str, expected: str, remedy: str) -> InvalidPolicy:
    return InvalidPolicy(f"unit name {name!r}: found {found}, expected {expected}; {remedy}")
