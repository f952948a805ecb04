# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at a host, through whichever door."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple, TypeVar

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Door
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import InvalidPolicy, LifeboatError
from ansible_collections.lifeboat.oom.plugins.module_utils._health.control_groups import read_cgroups
from ansible_collections.lifeboat.oom.plugins.module_utils._health.daemons import read_daemons
from ansible_collections.lifeboat.oom.plugins.module_utils._health.dormant import DormantUnit, read_dormant
from ansible_collections.lifeboat.oom.plugins.module_utils._health.identity import HostInfo, read_host_info
from ansible_collections.lifeboat.oom.plugins.module_utils._health.kernel_log import read_log
from ansible_collections.lifeboat.oom.plugins.module_utils._health.packages import ServicePackage, read_packages
from ansible_collections.lifeboat.oom.plugins.module_utils._health.process_table import (
    read_process,
    read_processes,
    with_shares,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._health.sampler_log import read_samples
from ansible_collections.lifeboat.oom.plugins.module_utils._health.services import ShownUnits, require_systemd
from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HIDDEN, HostState, Unread
from ansible_collections.lifeboat.oom.plugins.module_utils._health.sysctls import read_sysctls
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.memory import (
    Memory,
    low_watermark_pages,
    parse_meminfo,
    parse_vmstat,
    with_available,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.pressure import Pressure, Pressures, parse_pressure
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.process import Process
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.swap import (
    ZRAM_FILES,
    SwapDevice,
    Zram,
    parse_swaps,
    parse_zram,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.checks import SYSCTL_FILE, sysctl_path, whole_number
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.services import dropin_name, unit_name
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.dropins import OWN_NAME
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.service import ServicesState, ServiceState

_T = TypeVar("_T")

# The options of whoever asks.
ARGUMENTS: Dict[str, Any] = {
    "collector": {"type": "str", "choices": ["auto", "native", "bare"], "default": "auto"},
    "units": {"type": "list", "elements": "str", "default": []},
    "gather_subset": {"type": "list", "elements": "str", "default": ["all"]},
    "top": {"type": "int", "default": 10},
    "log_lines": {"type": "int", "default": 20000},
    "log_since": {"type": "str"},
    "sysctl_file": {"type": "path", "default": SYSCTL_FILE},
    "dropin": {"type": "str", "default": OWN_NAME},
}

# What can be left out. Host, memory and counters are always looked at.
SUBSETS = ("swap", "pressure", "sysctls", "processes", "services", "cgroups", "daemons", "events", "samples")
# These are told by the processes.
_NEED_PROCESSES = ("services", "cgroups", "daemons")


@dataclass(frozen=True)
class Questions:
    """What is asked of a host.

    I(units) are looked at also where they do not run; I(dropin) names our drop-ins; I(shares) is of how many of the
    largest processes PSS and USS are measured. I(log_lines) are taken from the end of the kernel log, or all since
    I(log_since), a text that journalctl(1) takes.
    """

    own_sysctl_file: str
    units: Tuple[str, ...] = ()
    dropin: str = OWN_NAME
    subsets: FrozenSet[str] = frozenset(SUBSETS)
    shares: int = 10
    log_lines: int = 20000
    log_since: Optional[str] = None


def chosen_subsets(where: str, words: Sequence[str]) -> FrozenSet[str]:
    """The subsets that C(gather_subset) means: names, C(all), C(min), and each of them with C(!) for without.

    As for ansible.builtin.setup, a list that only takes away takes away from all, and what is named by itself stays:
    C(!all) and C(swap) together are C(swap). Raises InvalidPolicy.
    """
    groups = {"all": frozenset(SUBSETS), "min": frozenset(), **{name: frozenset([name]) for name in SUBSETS}}
    unknown = [word for word in words if (word[1:] if word.startswith("!") else word) not in groups]
    if unknown:
        raise InvalidPolicy(
            f"{where}: found {unknown[0]!r}, expected one of {', '.join(groups)}, or one of them with '!'"
        )
    wanted = [groups[word] for word in words if not word.startswith("!")] or [groups["all"]]
    refused = [groups[word[1:]] for word in words if word.startswith("!")]
    return frozenset().union(*wanted).difference(*refused).union(set(words) & set(SUBSETS))


def questions(options: Mapping[str, Any]) -> Questions:
    """The questions that options of ARGUMENTS stand for. Raises InvalidPolicy for one that cannot be meant."""
    return Questions(
        own_sysctl_file=sysctl_path("sysctl_file", options["sysctl_file"]),
        units=tuple(unit_name(f"units[{number}]", name) for number, name in enumerate(options["units"])),
        dropin=dropin_name("dropin", options["dropin"]),
        subsets=chosen_subsets("gather_subset", options["gather_subset"]),
        shares=whole_number("top", options["top"], 0, 1000),
        log_lines=whole_number("log_lines", options["log_lines"], 0, 10**7),
        log_since=options["log_since"],
    )


def collect(host: Door, questions: Questions) -> HostState:
    """Look at everything once.

    Raises LifeboatError only where there is no host to speak of (no C(/proc/meminfo)); all else that can not
    be read is listed in C(unread).
    """
    survey = _Survey(host, questions)
    survey.at_processes()
    survey.at_services()
    cgroups = survey.attempt("cgroups", lambda: read_cgroups(host, survey.processes or ()))
    counters = parse_vmstat(survey.attempt("vmstat", lambda: host.read("/proc/vmstat")) or "")
    info = survey.at_host()
    memory = survey.at_memory()
    log = survey.attempt("events", lambda: read_log(host, questions.log_lines, questions.log_since, counters.oom_kills))
    return HostState(
        collector=host.collector,
        host=info,
        memory=memory,
        swaps=survey.attempt("swap", lambda: _read_swaps(host)),
        zram=survey.attempt("swap", lambda: _read_zram(host)),
        pressure=survey.attempt("pressure", lambda: _read_pressure(host)),
        counters=counters,
        sysctls=survey.attempt("sysctls", lambda: read_sysctls(host, questions.own_sysctl_file)),
        services=survey.services,
        declared=survey.declared,
        dormant=survey.dormant,
        packages=survey.attempt("packages", survey.packages),
        cgroups=cgroups,
        processes=survey.with_shares(),
        daemons=survey.attempt("daemons", lambda: read_daemons(host, survey.processes or ())),
        log=None if log is None else log.log,
        events=None if log is None else log.events,
        samples=survey.attempt("samples", lambda: read_samples(host, info.boot_id)),
        unread=tuple(survey.unread),
    )


class _Survey:
    """Goes on where something cannot be read, and keeps a list of it."""

    def __init__(self, host: Door, questions: Questions) -> None:
        self._host, self._questions = host, questions
        self.unread: List[Unread] = []
        self.processes: Optional[Tuple[Process, ...]] = None
        self.systemd_version: Optional[int] = None
        self.services: Optional[Tuple[ServiceState, ...]] = None
        self.declared: Optional[ServicesState] = None
        self.dormant: Optional[Tuple[DormantUnit, ...]] = None

    def asks(self, subset: str) -> bool:
        return subset not in SUBSETS or subset in self._questions.subsets

    def attempt(self, what: str, read: Callable[[], _T]) -> Optional[_T]:
        """What I(read) gives; C(None) where it is not asked for, or fails, which is then listed."""
        if not self.asks(what):
            return None
        try:
            return read()
        except LifeboatError as error:
            self.unread.append(Unread(what, str(error)))
            return None

    def at_processes(self) -> None:
        if any(self.asks(subset) for subset in ("processes", *_NEED_PROCESSES)):
            self.processes, hidden = read_processes(self._host)
            self._list_hidden("processes", hidden)
            if "1" not in self._host.names("/proc"):
                self.unread.append(Unread("processes", HIDDEN))

    def at_services(self) -> None:
        asked = self._questions
        version = self.attempt("services", lambda: require_systemd(self._host))
        self.systemd_version = version
        if version is None:
            return
        shown = self.attempt(
            "services", lambda: ShownUnits(self._host, asked.units, self.processes or (), asked.dropin, all_loaded=True)
        )
        if shown is not None:
            self.services = self.attempt("services", shown.active)
            self.declared = self.attempt("declared services", shown.declared)
            self.dormant = self.attempt("dormant services", lambda: read_dormant(self._host))

    def packages(self) -> Optional[Tuple[ServicePackage, ...]]:
        return None if self.services is None else read_packages(self._host, self.services)

    def at_host(self) -> HostInfo:
        info, hidden = read_host_info(self._host, self.systemd_version)
        self._list_hidden("host", hidden)
        return info

    def at_memory(self) -> Memory:
        memory = replace(parse_meminfo(self._host.read("/proc/meminfo")), look_kib=_look_kib(self._host))
        if memory.available_kib is not None:
            return memory
        return with_available(memory, self.attempt("zoneinfo", lambda: _read_low_watermark_kib(self._host)))

    def with_shares(self) -> Optional[Tuple[Process, ...]]:
        if self.processes is None or not self.asks("processes"):
            return None
        found, hidden = with_shares(self._host, self.processes, self._questions.shares)
        self._list_hidden("PSS and USS", hidden)
        return found

    def _list_hidden(self, what: str, failures: Sequence[LifeboatError]) -> None:
        if failures:
            self.unread.append(Unread(what, f"{len(failures)} of them, the first: {failures[0]}"))


def _read_low_watermark_kib(host: Door) -> Optional[int]:
    zoneinfo = host.read_if_there("/proc/zoneinfo")
    pages = None if zoneinfo is None else low_watermark_pages(zoneinfo)
    return None if pages is None else pages * host.page_kib


def _look_kib(host: Door) -> int:
    """The memory of the processes that look, less what is a file's; those that have ended hold none."""
    own = []
    for pid in host.own_pids:
        try:
            own.append(read_process(host, pid))
        except LifeboatError:
            continue
    return sum(one.rss_kib - (one.rss_file_kib or 0) for one in own if one is not None)


def _read_pressure(host: Door) -> Optional[Pressures]:
    """C(None) without PSI. The files are there and not readable where it is built in but switched off."""

    def read(kind: str) -> Optional[Pressure]:
        text = host.read_if_there("/proc/pressure/" + kind)
        return None if text is None else parse_pressure(text)

    found = Pressures(read("cpu"), read("io"), read("memory"))
    return found if found.memory is not None else None


def _read_swaps(host: Door) -> Optional[Tuple[SwapDevice, ...]]:
    text = host.read_if_there("/proc/swaps")
    return None if text is None else parse_swaps(text)


def _read_zram(host: Door) -> Tuple[Zram, ...]:
    found = []
    for name in host.names("/sys/block"):
        if name.startswith("zram"):
            files = {each: host.read_if_there(f"/sys/block/{name}/{each}") for each in ZRAM_FILES}
            found.append(parse_zram(name, files))
    return tuple(device for device in found if device is not None)
