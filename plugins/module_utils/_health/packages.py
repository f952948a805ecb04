# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which package the program of a service is from, and its version: the same leak on many hosts is one leak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Door
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import Missing
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.service import ServiceState

# What is asked about follows the two dashes: all programs in one question, then all packages.
DPKG_OWNERS = ("dpkg-query", "--search", "--")
DPKG_VERSIONS = ("dpkg-query", "--show", "--showformat=${binary:Package}\\t${Version}\\n", "--")
RPM_FORMAT = "--queryformat=%{NAME}\\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\\n"
RPM_OWNERS = ("rpm", "-qf", RPM_FORMAT, "--")
# The kernel says so of a program that was replaced while it runs.
_DELETED = " (deleted)"


@dataclass(frozen=True)
class Package:
    """An installed package, its version as the package manager writes it."""

    name: str
    version: str


@dataclass(frozen=True)
class ServicePackage:
    """The package of a service's program."""

    unit: str
    """The unit."""

    program: str
    """Path of the program that its main process runs."""

    package: str
    """Name of the package that owns it."""

    version: str
    """Version of the package, as its package manager writes it."""


def read_packages(host: Door, services: Sequence[ServiceState]) -> Optional[Tuple[ServicePackage, ...]]:
    """Of the services that run, those whose program a package owns; C(None) without dpkg or rpm.

    A program that was replaced on disk since it was started is left out: what is installed is not what runs.
    """
    programs = {service.unit.id: _program(host, service.unit.main_pid) for service in services}
    known = {unit: program for unit, program in programs.items() if program is not None}
    found = owners(host, known.values())
    if found is None:
        return None
    return tuple(
        ServicePackage(unit, program, found[program].name, found[program].version)
        for unit, program in known.items()
        if program in found
    )


def owners(host: Door, paths: Iterable[str]) -> Optional[Mapping[str, Package]]:
    """The package of each file that has one, of paths without links; C(None) without dpkg or rpm."""
    wanted = sorted(set(paths))
    if not wanted:
        return {}
    for ask in (_dpkg_owners, _rpm_owners):
        try:
            return ask(host, wanted)
        except Missing:
            continue
    return None


def _program(host: Door, pid: Optional[int]) -> Optional[str]:
    link = f"/proc/{pid}/exe"
    target = host.link_target(link) if pid else None
    # A link that may not be followed leads to itself.
    return None if target in (None, link) or target.endswith(_DELETED) else target


def spellings(path: str) -> Tuple[str, ...]:
    """The paths under which dpkg may know a file: packages from before the merge of /usr have it without."""
    return (path, path[len("/usr") :]) if path.startswith(("/usr/bin/", "/usr/sbin/", "/usr/lib")) else (path,)


def _dpkg_owners(host: Door, paths: Sequence[str]) -> Mapping[str, Package]:
    asked = [spelling for path in paths for spelling in spellings(path)]
    # It ends with 1 where one of the paths is nobody's.
    names = parse_dpkg_search(host.run([*DPKG_OWNERS, *asked]).stdout)
    if not names:
        return {}
    shown = host.run([*DPKG_VERSIONS, *sorted(set(names.values()))]).stdout
    versions = dict(line.split("\t", 1) for line in shown.split("\n") if "\t" in line)
    # One architecture alone is told without it.
    by_name = {**{name.partition(":")[0]: version for name, version in versions.items()}, **versions}
    found: Dict[str, Package] = {}
    for path in paths:
        package = next((names[each] for each in spellings(path) if each in names), None)
        if package is not None and package in by_name:
            found[path] = Package(package.partition(":")[0], by_name[package])
    return found


def parse_dpkg_search(text: str) -> Dict[str, str]:
    """Paths with the package that owns each, from lines such as C(libc6:amd64, libc6:i386: /etc/ld.so.conf.d).

    Of several the first; what was diverted is left to the package that dpkg names beside.
    """
    found: Dict[str, str] = {}
    for line in text.split("\n"):
        packages, separator, path = line.partition(": ")
        if separator and not packages.startswith("diversion by "):
            found[path] = packages.split(", ")[0]
    return found


def _rpm_owners(host: Door, paths: Sequence[str]) -> Mapping[str, Package]:
    lines: List[str] = host.run([*RPM_OWNERS, *paths]).stdout.split("\n")[:-1]
    # A line for each path, in their order; where a file has several owners nobody knows whose line is whose.
    if len(lines) != len(paths):
        return {}
    words = {path: line.split("\t") for path, line in zip(paths, lines)}
    return {path: Package(*each) for path, each in words.items() if len(each) == 2}
