# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What profilers have found, beside the spool; and what follows from it: whom to profile, what to upgrade."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.sites import LEAKED, Frame
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import file_name
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import Row
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.optional_fields import entries, integer, text
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.printable_text import clean

SCHEMA = 1
FOLDER = "profiles"
_MIB = 1 << 20


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

    @property
    def is_service(self) -> bool:
        """What else leaks, a session or a container, cannot be restarted into a profiler."""
        return self.unit.endswith(".service")

    def told(self) -> str:
        what = f"{self.unit} of {self.package} {self.version}" if self.package else self.unit
        more = f", as on {len(self.hosts) - 1} more" if len(self.hosts) > 1 else ""
        end = "" if self.is_service else "; it is no service and is not profiled, heap_profile may attach to its pid"
        return f"{self.chosen}: {what} leaks{more}{end}"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class LeakyPackage:
    """A package that owns leak sites: I(bytes) of them, seen in I(units), in I(files)."""

    package: str
    version: str
    bytes: int
    units: tuple[str, ...]
    files: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def groups(rows: Iterable[Row], hosts: Collection[str]) -> list[Group]:
    """The leaks of these hosts' last audits, grouped."""
    found: dict[tuple[str, str, str], list[tuple[int, str]]] = {}
    for row in rows:
        if row.host not in hosts:
            continue
        for leak in entries(vars(row), "leaks"):
            unit = text(leak, "unit")
            if unit:
                key = (unit, text(leak, "package") or "", text(leak, "version") or "")
                found.setdefault(key, []).append((integer(leak, "rate_bytes_per_hour") or 0, row.host))
    return [
        Group(unit, package or None, version or None, tuple(sorted(host for _unused, host in same)), max(same)[1])
        for (unit, package, version), same in sorted(found.items())
    ]


def write_profile(report_dir: Path, host: str, when: str, found: Mapping[str, Any]) -> Path:
    """Keep what a run has found, in place of the last one of this host and subject."""
    path = report_dir.resolve() / FOLDER / file_name(host) / f"{file_name(str(found['subject']))}.json"
    record = {"schema": SCHEMA, "host": host, "profiled_at": when, **found}
    Host().write(str(path), json.dumps(record, indent=1, sort_keys=True) + "\n")
    return path


def profiles_of(report_dir: Path, host: str) -> list[Mapping[str, Any]]:
    """The profiles of one host. A file that is none is left to C(profiles()) to complain of."""
    found = []
    for path in sorted((report_dir / FOLDER / file_name(host)).glob("*.json")):
        with contextlib.suppress(HostError):
            found.append(_load(path))
    return found


def profiles(report_dir: Path) -> Iterator[Mapping[str, Any]]:
    """All profiles, by name. Raises HostError for a file that is none."""
    for path in sorted((report_dir.resolve() / FOLDER).glob("*/*.json")):
        yield _load(path)


def _load(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise HostError(f"{path} is not a profile: {error}; remove it", str(path)) from error
    if not isinstance(found, dict):
        raise HostError(f"{path} is not a profile: it holds no dictionary; remove it", str(path))
    return found


def leaky_packages(found: Iterable[Mapping[str, Any]], share_pct: int) -> list[LeakyPackage]:
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


def _of_profile(profile: Mapping[str, Any], share_pct: int) -> Iterator[LeakyPackage]:
    sites = [site for site in entries(profile, "sites") if text(site, "kind") in LEAKED]
    # Where no caller of the C library is known it may be anybody's leak, and everything on the host runs it.
    known = [site for site in sites if not _frame(site).is_machinery]
    total = sum(integer(site, "bytes") or 0 for site in sites)
    subject = text(profile, "subject") or ""
    units = (subject,) if subject.endswith(".service") else ()
    owned: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for site in known:
        package, version = text(site, "package"), text(site, "version")
        if package and version:
            owned.setdefault((package, version), []).append(site)
    for (package, version), theirs in owned.items():
        size = sum(integer(site, "bytes") or 0 for site in theirs)
        if size * 100 >= total * share_pct:
            files = {found for site in theirs if (found := text(site, "object"))}
            yield LeakyPackage(package, version, size, units, tuple(sorted(files)))


def _frame(site: Mapping[str, Any]) -> Frame:
    return Frame(text(site, "function"), text(site, "file"), object=text(site, "object"))


def told(host: str, found: Mapping[str, Any], sites: int = 3) -> list[str]:
    """A profile for a person, line by line."""
    leaked, peak = integer(found, "leaked_bytes"), integer(found, "peak_bytes")
    amounts = [
        f"{value / _MIB:.1f} MiB {word}"
        for value, word in ((leaked, "leaked"), (peak, "at its peak"))
        if value is not None
    ]
    seconds = found.get("seconds")
    lines = [clean(f"{host}: {found.get('subject')}: {', '.join(amounts)} in {seconds} s ({found.get('tool')})")]
    for site in entries(found, "sites")[:sites]:
        owner = text(site, "package")
        where = f"{owner} {text(site, 'version')}" if owner else text(site, "object") or "an unknown file"
        place = f" at {site.get('file')}:{site.get('line')}" if text(site, "file") else ""
        size = (integer(site, "bytes") or 0) / _MIB
        name = text(site, "function") or "an unknown function"
        lines.append(clean(f"  {size:.1f} MiB {site.get('kind')} by {name}{place}, {where}"))
    return lines
