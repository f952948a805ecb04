# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which package owns a file, asked of whatever package manager the host has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, Iterable, List, Mapping, Optional, Sequence

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Door
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError

_APK = re.compile(r"^(\S.*?) is owned by (\S+?)-(\d\S*)$")
_RPM_FORMAT = "%{NAME}\\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\\n"


@dataclass(frozen=True)
class Package:
    """An installed package, its version as the package manager writes it."""

    name: str
    version: str


def owners(host: Door, paths: Iterable[str]) -> Dict[str, Package]:
    """The package of each file that has one. Nothing where there is no package manager that we know."""
    wanted = sorted({path for path in paths if path.startswith("/")})
    if not wanted:
        return {}
    spellings = {path: _spellings(host, path) for path in wanted}
    every = sorted({spelling for each in spellings.values() for spelling in each})
    for ask in (_dpkg, _rpm, _apk):
        try:
            found = ask(host, every)
        except HostError:  # no such program here
            continue
        first = {path: next((found[one] for one in each if one in found), None) for path, each in spellings.items()}
        return {path: package for path, package in first.items() if package}
    return {}


def _spellings(host: Door, path: str) -> List[str]:
    """A file under all names that a package may know it by: links followed, with and without C(/usr)."""
    names = [path, host.link_target(path) or path]
    other = [name[4:] if name.startswith("/usr/") else "/usr" + name for name in names]
    return list(dict.fromkeys([*names, *other]))


def _dpkg(host: Door, paths: Sequence[str]) -> Dict[str, Package]:
    names = parse_dpkg_search(host.run(["dpkg-query", "--search", *paths]).stdout)
    if not names:
        return {}
    wanted = sorted(set(names.values()))
    shown = host.run(["dpkg-query", "--show", "--showformat=${binary:Package}\\t${Version}\\n", *wanted]).stdout
    versions = dict(line.partition("\t")[::2] for line in shown.splitlines())
    # One architecture alone is told without it.
    plain = {name.partition(":")[0]: version for name, version in versions.items()}
    found = {path: versions.get(name) or plain.get(name.partition(":")[0]) for path, name in names.items()}
    return {path: Package(names[path].partition(":")[0], version) for path, version in found.items() if version}


def parse_dpkg_search(text: str) -> Dict[str, str]:
    """Path and package of each line of C(dpkg-query --search); of several owners the first."""
    found: Dict[str, str] = {}
    for line in text.splitlines():
        name, colon, path = line.partition(": ")
        if colon and not line.startswith("diversion by "):
            found[path] = name.split(",")[0].strip()
    return found


def _rpm(host: Door, paths: Sequence[str]) -> Dict[str, Package]:
    found: Mapping[str, Optional[Package]] = {
        path: parse_rpm(host.run(["rpm", "-qf", "--queryformat", _RPM_FORMAT, path]).stdout) for path in paths
    }
    return {path: package for path, package in found.items() if package}


def parse_rpm(text: str) -> Optional[Package]:
    """The first owner of a file; C(None) where rpm says that there is none."""
    name, tab, version = text.split("\n")[0].partition("\t")
    return Package(name, version) if tab else None


def _apk(host: Door, paths: Sequence[str]) -> Dict[str, Package]:
    return parse_apk(host.run(["apk", "info", "--who-owns", *paths]).stdout)


def parse_apk(text: str) -> Dict[str, Package]:
    """Path and package of each line of C(apk info --who-owns)."""
    matches = filter(None, map(_APK.match, text.splitlines()))
    return {match.group(1): Package(match.group(2), match.group(3)) for match in matches}


def installed(host: Door, names: Sequence[str]) -> List[Package]:
    """Those of the packages that are installed."""
    if not names:
        return []
    for argv in (
        ["dpkg-query", "--show", "--showformat=${Package}\\t${Version}\\t${db:Status-Status}\\n", *names],
        ["rpm", "-q", "--queryformat", _RPM_FORMAT, *names],
        ["apk", "info", "--installed", "--verbose", *names],
    ):
        try:
            return parse_installed(host.run(argv).stdout, names)
        except HostError:  # no such program here
            continue
    return []


def parse_installed(text: str, names: Sequence[str]) -> List[Package]:
    """Lines of name and version, and for dpkg whether it is installed; apk has a dash between them."""
    found: List[Package] = []
    for line in text.splitlines():
        name, *rest = line.split("\t")
        dashed = next((each for each in names if not rest and re.match(re.escape(each) + r"-\d", line)), None)
        if dashed:
            found.append(Package(dashed, line[len(dashed) + 1 :]))
        elif rest and rest[1:] in ([], ["installed"]):
            found.append(Package(name, rest[0]))
    return found
