# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which package the program of a service is from, and its version: the same leak on many hosts is one leak."""

from __future__ import annotations

import contextlib
import re
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
RPM_OWNERS_OF_ONE = ("rpm", "-qf", RPM_FORMAT)
_DIVERSION = re.compile(r"(?:diversion by (\S+)|local diversion) (from|to): (.+)")
_RPM_LINE = re.compile(r"([^\s/]+)\t(\S+)")
_NOT_THERE = re.compile(r"error: file (.+): [^:]+")
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
    text = host.run([*DPKG_OWNERS, *asked]).stdout
    elsewhere = {to: path for _diverter, to, path in _diversions(text)}
    if any(path in elsewhere for path in asked):  # whose it is stands under the path that it was moved from
        text += host.run([*DPKG_OWNERS, *sorted({elsewhere[path] for path in asked if path in elsewhere})]).stdout
    names = {**_moved(text), **parse_dpkg_search(text)}
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

    Of several the first. What is at the place of a diverted file is of the package that diverted it, and nobody's
    where the administrator did.
    """
    found = {path: packages[0] for path, packages in _listed(text).items()}
    for diverter, _to, path in _diversions(text):
        found.pop(path, None)
        if diverter:
            found[path] = diverter
    return found


def _moved(text: str) -> Dict[str, str]:
    """Of diverted files, by where they are now, the package; a diverter may have a file at the place of its own."""
    listed = _listed(text)
    owners = {
        to: [each for each in listed.get(path, ()) if each.partition(":")[0] != diverter]
        for diverter, to, path in _diversions(text)
    }
    return {to: packages[0] for to, packages in owners.items() if packages}


def _listed(text: str) -> Dict[str, List[str]]:
    found: Dict[str, List[str]] = {}
    for line in text.split("\n"):
        packages, separator, path = line.partition(": ")
        if separator and not _DIVERSION.fullmatch(line):
            found[path] = packages.split(", ")
    return found


def _diversions(text: str) -> List[Tuple[Optional[str], str, str]]:
    """By whom, C(None) for the administrator, to where and from where: two lines for each."""
    lines = [match for match in map(_DIVERSION.fullmatch, text.split("\n")) if match]
    return [
        (first.group(1), second.group(3), first.group(3))
        for first, second in zip(lines, lines[1:])
        if (first.group(2), second.group(2)) == ("from", "to")
    ]


def _rpm_owners(host: Door, paths: Sequence[str]) -> Mapping[str, Package]:
    done = host.run([*RPM_OWNERS, *paths])
    found = parse_rpm_owners(paths, done.stdout, done.stderr)
    if found is not None:
        return found
    found = {}
    for path in paths:
        with contextlib.suppress(Missing):
            alone = set(filter(None, map(_package, host.run([*RPM_OWNERS_OF_ONE, path]).stdout.split("\n"))))
            if len(alone) == 1:
                found[path] = alone.pop()
    return found


def parse_rpm_owners(paths: Sequence[str], stdout: str, stderr: str) -> Optional[Dict[str, Package]]:
    """A line for each path that is there, in their order; C(None) where one has several owners, or none is told.

    Then nobody knows whose line is whose.
    """
    gone = {match.group(1) for match in map(_NOT_THERE.fullmatch, stderr.split("\n")) if match}
    there = [path for path in paths if path not in gone]
    lines = stdout.split("\n")[:-1]
    if len(lines) != len(there):
        return None if lines else {}
    packages = {path: _package(line) for path, line in zip(there, lines)}
    return {path: package for path, package in packages.items() if package}


def _package(line: str) -> Optional[Package]:
    match = _RPM_LINE.fullmatch(line)
    return Package(*match.groups()) if match else None
