# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flow of the module C(heap_profile): check, guard, start, watch, take back, analyse."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError, Missing
from ansible_collections.lifeboat.oom.plugins.module_utils._health.packages import Package, owners
from ansible_collections.lifeboat.oom.plugins.module_utils._health.services import require_systemd
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.memory import parse_meminfo
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.analysis import Watched, analyse, keep
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.request import HEAPTRACK, Request, request
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.sites import Profile, Site, by_blame
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.targets import Target, target
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.tools import Tool, program, tool
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.watchdog import HOME, Place, Watchdog, show
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd import units

_SPARE_BYTES = 32 << 20
_DEEPEST = 10
# Of heaptrack's share of the disk a third is the trace; its analysis makes two files that are no larger.
_TRACE_SHARE = 3


def profile(host: Host, params: Mapping[str, Any], check_mode: bool) -> Dict[str, Any]:
    """The result of the module. Raises LifeboatError; then all has been taken back, or the error says what was not."""
    wanted = request(params)
    require_systemd(host)
    for name in ("systemd-run", "flock"):
        program(host, name, "util-linux" if name == "flock" else "systemd")
    if wanted.unit:  # by an alias it would be another subject, with a lock of its own
        wanted = replace(wanted, unit=units.text(show(host, wanted.unit, "Id", "Names"), "Id"))
    place = Place(wanted.subject)
    chosen = tool(host, wanted.tool, place.data)
    subject = target(host, wanted, chosen, place)
    wanted = _with_memory(host, wanted, chosen, subject)
    subject.wanted = wanted
    _check_disk(host, wanted)
    result: Dict[str, Any] = {"changed": True, "steps": subject.steps}
    if check_mode:
        return result
    with Watchdog(host, place, subject.take_back, wanted.timeout, subject.check_after):
        subject.begin()
        seen = _watch(host, wanted, chosen, subject)
    try:
        found = analyse(host, wanted, chosen, place, seen)
        raw_file = keep(host, wanted, chosen, place, seen) if wanted.keep_raw else None
    finally:
        subject.clean()
        host.remove_tree(place.folder)
    return {**result, **_told(host, wanted, found, seen), "raw_file": raw_file}


def _with_memory(host: Host, wanted: Request, chosen: Tool, subject: Target) -> Request:
    """The request with a limit of memory. Raises LifeboatError where the host has too little for the profiler."""
    memory = parse_meminfo(host.read("/proc/meminfo"))
    available = (memory.available_kib or memory.free_kib or 0) * 1024
    held = subject.memory_bytes()
    need = round(held * (chosen.factor - 1)) + _SPARE_BYTES
    if need > available:
        raise LifeboatError(
            f"{wanted.subject} holds {held >> 20} MiB and would take about {need >> 20} MiB more with {wanted.tool}; "
            f"only {available >> 20} MiB are available on this host. Free some, or take "
            + ("another host" if wanted.tool == HEAPTRACK else "heaptrack, which needs less")
        )
    if wanted.max_memory_bytes is not None:
        return wanted
    return replace(wanted, max_memory_bytes=held + max(available // 2, _SPARE_BYTES))


def _check_disk(host: Host, wanted: Request) -> None:
    folder = next(path for path in (HOME, "/var/lib", "/") if host.exists(path))
    free = host.free_bytes(folder)
    if free < wanted.max_disk_bytes:
        raise LifeboatError(
            f"max_disk: {wanted.max_disk_bytes >> 20} MiB may be needed in {folder}, only {free >> 20} MiB are free; "
            "free some, or lower max_disk, which ends the run sooner"
        )


def _watch(host: Host, wanted: Request, chosen: Tool, subject: Target) -> Watched:
    """Wait for the duration, or for a limit, or for the end of the process."""
    started = host.now()
    output, warm, maps, stopped = subject.output(), 0, "", None
    pid = subject.main_pid()
    program = host.link_target(f"/proc/{pid}/exe") if pid else None
    while True:
        passed = host.now() - started
        if not warm and passed >= wanted.warm_up:
            warm = _size(host, output)
        stopped = _limit(host, wanted, chosen, subject, output)
        if stopped or passed >= wanted.duration:
            break
        host.pause(min(1.0, wanted.duration - passed))
    if pid and wanted.tool != HEAPTRACK:
        maps = host.read_if_there(f"/proc/{pid}/maps") or ""
    warm = warm if wanted.warm_up else 0
    return Watched(output, warm, _size(host, output), program, maps, stopped, host.now() - started)


def _limit(host: Host, wanted: Request, chosen: Tool, subject: Target, output: str) -> Optional[str]:
    if subject.main_pid() is None:
        return "end of the process"
    if wanted.max_memory_bytes is not None and subject.memory_bytes() > wanted.max_memory_bytes:
        return "max_memory"
    if _size(host, output) > wanted.max_disk_bytes // _TRACE_SHARE:
        return "max_disk"
    return None


def _size(host: Host, path: str) -> int:
    try:
        return host.size_bytes(path)
    except Missing:
        return 0


def _told(host: Host, wanted: Request, found: Profile, seen: Watched) -> Dict[str, Any]:
    every = by_blame(found.sites)
    sites = every[: wanted.top]
    objects = {site.blamed.object for site in sites if site.blamed.object}
    real = {path: host.resolved(path) for path in objects if path.startswith("/")}
    packages = owners(host, real.values()) or {}
    owned = {path: packages[target] for path, target in real.items() if target in packages}
    warnings: List[str] = []
    if not found.complete:
        warnings.append(f"what {wanted.tool} wrote breaks off: it was killed while it reported; some sites are missing")
    if seen.stopped_by:
        warnings.append(f"the profile ended after {seen.seconds:.0f} of {wanted.duration} s: {seen.stopped_by}")
    least = sum(site.bytes for site in every) // 100
    blind = sorted({site.blamed.object or "?" for site in sites if not site.blamed.function and site.bytes >= least})
    if blind:
        warnings.append(
            f"no symbols for {', '.join(blind)}: functions are unknown; install the debug symbols of its package "
            "(Debian: PACKAGE-dbgsym, Fedora: dnf debuginfo-install PACKAGE)"
        )
    return {
        "tool": wanted.tool,
        "subject": wanted.subject,
        "seconds": round(seen.seconds, 1),
        "stopped_by": seen.stopped_by,
        "peak_bytes": found.peak_bytes,
        "leaked_bytes": found.leaked_bytes,
        "sites": [_site(site, owned) for site in sites],
        "sites_total": len(every),
        "warnings": warnings,
    }


def _site(site: Site, owned: Mapping[str, Package]) -> Dict[str, Any]:
    blamed = site.blamed
    package = owned.get(blamed.object or "")
    return {
        "bytes": site.bytes,
        "calls": site.calls,
        "kind": site.kind,
        "function": blamed.function,
        "file": blamed.file,
        "line": blamed.line,
        "object": blamed.object,
        "package": package.name if package else None,
        "version": package.version if package else None,
        "stack": [str(frame) for frame in site.stack[:_DEEPEST]],
    }
