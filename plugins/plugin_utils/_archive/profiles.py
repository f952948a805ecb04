# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What profilers have found, beside the records; and what follows from it: whom to profile, what to upgrade."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.sites import LEAKED
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.heap_profile import SCHEMA, HeapProfile, HeapSite
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import file_name, private_folder
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import Row
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.iso_times import seconds
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.printable_text import clean
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.typed_from_json import WrongShape, load, salvage

FOLDER = "profiles"
_MIB = 1 << 20
_DAY = 86_400
# What is read of a profile: a device may say anything. The module tells 100 sites at most, and ten frames of each.
_MOST_BYTES, _MOST_FILES, _MOST_SITES, _MOST_FRAMES, _MOST_TEXT = 8 * _MIB, 200, 100, 10, 2000
_Kept = TypeVar("_Kept", HeapProfile, HeapSite)
_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]{0,99}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.:~^_-]{0,99}")


@dataclass(frozen=True)
class Group:
    """Hosts on which the same service leaks in the same version; I(chosen) is the one that leaks fastest.

    Where no package owns the program, I(package) and I(version) are C(None), and its name has to do.
    """

    unit: str
    package: str | None
    version: str | None
    hosts: tuple[str, ...]
    chosen: str
    rate_bytes_per_hour: int = 0

    @property
    def is_service(self) -> bool:
        """What else leaks, a session or a container, or within one, cannot be restarted into a profiler."""
        return _is_service(self.unit)

    def told(self) -> str:
        what = f"{self.unit} of {self.package} {self.version}" if self.package else self.unit
        more = f", as on {len(self.hosts) - 1} more" if len(self.hosts) > 1 else ""
        end = "" if self.is_service else "; it is no service and is not profiled, heap_profile may attach to its pid"
        return f"{self.chosen}: {what} leaks{more}{end}"


@dataclass(frozen=True)
class LeakyPackage:
    """A package that owns leak sites: I(bytes) of them, seen in I(units), in I(files)."""

    package: str
    version: str
    bytes: int
    units: tuple[str, ...]
    files: tuple[str, ...]


def groups(rows: Iterable[Row]) -> list[Group]:
    """The leaks of the last audits of hosts, grouped."""
    found: dict[tuple[str, str, str], list[tuple[int, str]]] = {}
    for row in rows:
        for leak in row.leaks:
            key = (leak.unit, leak.package or "", leak.version or "")
            found.setdefault(key, []).append((leak.rate_bytes_per_hour, row.host))
    return [
        Group(unit, package or None, version or None, tuple(sorted(host for _unused, host in same)), chosen, rate)
        for (unit, package, version), same in sorted(found.items())
        for rate, chosen in [max(same)]
    ]


def _is_service(unit: str) -> bool:
    return unit.endswith(".service") and "/" not in unit


def heap_profile(result: Mapping[str, Any], host: str, when: str) -> HeapProfile:
    """What a device says that a profiler has found there, bounded. Raises WrongShape."""
    return _bounded(load(HeapProfile, {**result, "host": host, "profiled_at": when}, "heap_profile"))


def write_profile(report_dir: Path, profile: HeapProfile) -> Path:
    """Keep what a run has found, in place of the last one of this host and subject."""
    folder = report_dir.resolve() / FOLDER / file_name(profile.host)
    for each in (folder.parent, folder):
        private_folder(each)
    path = folder / f"{file_name(profile.subject)}.json"
    text = json.dumps({"schema": SCHEMA, **asdict(_bounded(profile))}, indent=1, sort_keys=True)
    Host().write(str(path), text + "\n", mode=0o600)
    return path


def _bounded(profile: HeapProfile) -> HeapProfile:
    """Of what a device said as much as a profile may hold."""
    sites = tuple(
        replace(_short(site), stack=tuple(frame[:_MOST_TEXT] for frame in site.stack[:_MOST_FRAMES]))
        for site in profile.sites[:_MOST_SITES]
    )
    return replace(_short(profile), sites=sites)


def _short(one: _Kept) -> _Kept:
    """With each text cut."""
    texts: dict[str, Any] = {key: value[:_MOST_TEXT] for key, value in vars(one).items() if isinstance(value, str)}
    return replace(one, **texts)


def profiles_of(report_dir: Path, host: str) -> list[HeapProfile]:
    """The profiles of one host. A file that is none is left to C(young()) to complain of."""
    found = []
    for path in _files(report_dir, host):
        with contextlib.suppress(HostError):
            found.append(_load(path, host))
    return found


def young(report_dir: Path, hosts: Iterable[str], now: int, max_age_days: int) -> tuple[list[HeapProfile], list[str]]:
    """Those of these hosts that are young enough, and why others are not used."""
    found: list[HeapProfile] = []
    unused: list[str] = []
    for host in hosts:
        for path in _files(report_dir, host):
            try:
                profile = _load(path, host)
            except HostError as error:
                unused.append(clean(error))
                continue
            why = too_old(profile.profiled_at, now, max_age_days)
            if why:
                unused.append(clean(f"{path} is not used: it is {why}; profile again"))
            else:
                found.append(profile)
    return found, unused


def too_old(when: str, now: int, max_age_days: int) -> str | None:
    """In words, if so; what is of the future is of a clock that was wrong, and would never age."""
    moment = seconds(when)
    if moment is None:
        return "of no time that is known"
    if moment > now + _DAY:
        return f"of {when}, which is yet to come"
    return f"of {when}, more than {max_age_days} days ago" if now - moment > max_age_days * _DAY else None


def _files(report_dir: Path, host: str) -> list[Path]:
    folder = report_dir.resolve() / FOLDER / file_name(host)
    return sorted(itertools.islice(folder.glob("*.json"), _MOST_FILES))


def _load(path: Path, host: str) -> HeapProfile:
    """Of I(host), whatever the file says. Raises HostError for a file that is no profile."""
    try:
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            raise HostError(f"{path} is not a profile: expected a file of at most {_MOST_BYTES} bytes", str(path))
        found = salvage(HeapProfile, json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError, WrongShape) as error:
        raise HostError(f"{path} is not a profile: {error}; remove it", str(path)) from error
    return _bounded(replace(found, host=host))


def candidates(row: Row, packages: Iterable[LeakyPackage]) -> list[LeakyPackage]:
    """Of the packages those whose units this host's own audit calls leaking, with these units."""
    leaking = {leak.unit for leak in row.leaks}
    units = {package: tuple(unit for unit in package.units if unit in leaking) for package in packages}
    return [replace(package, units=own) for package, own in units.items() if own]


def leaky_packages(found: Iterable[HeapProfile], share_pct: int) -> list[LeakyPackage]:
    """The packages that own at least I(share_pct) of what leaks in a profile; memory that is in use is no leak."""
    merged: dict[tuple[str, str], LeakyPackage] = {}
    for profile in found:
        for one in _of_profile(profile, share_pct):
            old = merged.get((one.package, one.version), LeakyPackage(one.package, one.version, 0, (), ()))
            merged[one.package, one.version] = LeakyPackage(
                one.package,
                one.version,
                old.bytes + one.bytes,
                tuple(sorted({*old.units, *one.units})),
                tuple(sorted({*old.files, *one.files})),
            )
    return [merged[key] for key in sorted(merged)]


def _of_profile(profile: HeapProfile, share_pct: int) -> Iterator[LeakyPackage]:
    sites = [site for site in profile.sites if site.kind in LEAKED]
    total = sum(site.bytes for site in sites)
    units = (profile.subject,) if _is_service(profile.subject) else ()
    owned: dict[tuple[str, str], list[HeapSite]] = {}
    for site in sites:
        package, version = site.package or "", site.version or ""
        # Where no caller of the C library is known it may be anybody's leak, and everything on the host runs it.
        if not site.is_machinery and _PACKAGE.fullmatch(package) and _VERSION.fullmatch(version):
            owned.setdefault((package, version), []).append(site)
    for (package, version), theirs in owned.items():
        size = sum(site.bytes for site in theirs)
        if size * 100 >= total * share_pct:
            files = {site.object for site in theirs if site.object and site.object.startswith("/")}
            yield LeakyPackage(package, version, size, units, tuple(sorted(files)))


def told(profile: HeapProfile, sites: int = 3) -> list[str]:
    """A profile for a person, line by line."""
    amounts = [
        f"{value / _MIB:.1f} MiB {word}"
        for value, word in ((profile.leaked_bytes, "leaked"), (profile.peak_bytes, "at its peak"))
        if value is not None
    ]
    lines = [f"{profile.host}: {profile.subject}: {', '.join(amounts)} in {profile.seconds} s ({profile.tool})"]
    for site in profile.sites[:sites]:
        where = f"{site.package} {site.version}" if site.package else site.object or "an unknown file"
        place = f" at {site.file}:{site.line}" if site.file else ""
        name = site.function or "an unknown function"
        lines.append(f"  {site.bytes / _MIB:.1f} MiB {site.kind} by {name}{place}, {where}")
    return [clean(line) for line in lines]
