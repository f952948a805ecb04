# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One process as C(/proc/PID) shows it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, NamedTuple, Optional

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.cgroups import checked_path

# The kernel counts time for programs in hundredths of a second (USER_HZ), on all that systemd runs on.
TICKS_PER_SECOND = 100
_STATUS = re.compile(r"^(\w+):[ \t]*([0-9]{1,20})\b", re.MULTILINE)
_CAPABILITIES = re.compile(r"^CapEff:\s*([0-9a-f]+)", re.MULTILINE)
_SHARES = re.compile(r"^(Pss|Private_Clean|Private_Dirty|Private_Hugetlb): +([0-9]{1,20}) kB$", re.MULTILINE)
_DIGITS = re.compile("[0-9]{1,20}")
_CAP_SYS_ADMIN, CAP_SYS_RESOURCE = 21, 24  # include/uapi/linux/capability.h


@dataclass(frozen=True)
class Process:
    """A process with memory of its own. Source: proc(5)."""

    pid: int
    """Its number."""

    ppid: int
    """Number of its parent process."""

    start_ticks: int
    """When it was started, in clock ticks since boot: it tells two owners of one pid apart."""

    comm: str
    """Its name, which the kernel cuts after 15 bytes."""

    uid: int
    """Number of the user that it runs as (real uid)."""

    cgroup: Optional[str]
    """Path of the control group that systemd tracks it by; null without any."""

    unit: Optional[str]
    """The systemd unit whose control group holds it, one of a user or a container in full
    (C(user@1000.service/a.service)); null outside of any.
    """

    memory_cgroup: Optional[str]
    """Path of the control group that its memory is accounted to; null without one."""

    sys_admin: bool
    """Whether it has CAP_SYS_ADMIN, which the OOM killer favoured up to 4.16."""

    rss_kib: int
    """C(VmRSS): what it holds in RAM, in KiB."""

    rss_anon_kib: Optional[int]
    """C(RssAnon) (4.5): the part of it that is no file's, in KiB; null before."""

    rss_file_kib: Optional[int]
    """C(RssFile) (4.5): the part of it that can be read again from files, in KiB; null before."""

    rss_shmem_kib: Optional[int]
    """C(RssShmem) (4.5): the part of it that is shared memory, in KiB; null before."""

    swap_kib: int
    """C(VmSwap): what it has in swap, in KiB; 0 before 2.6.34, which does not tell."""

    pgtables_kib: int
    """C(VmPTE): its page tables, with C(VmPMD) of 4.0 to 4.14, in KiB; 0 where the kernel does not tell."""

    oom_score: Optional[int]
    """C(oom_score): the number that the kernel itself shows; null where it could not be read."""

    oom_score_adj: int
    """C(oom_score_adj): its score, a number from -1000 (never killed) to 1000."""

    pss_kib: Optional[int] = None
    """Its share of what several processes use, in KiB; measured for the largest processes alone, null for others."""

    uss_kib: Optional[int] = None
    """What only it uses, in KiB; null where I(pss_kib) is."""


class Stat(NamedTuple):
    """What is used of C(/proc/PID/stat)."""

    comm: str
    ppid: int
    start_ticks: int


class Shares(NamedTuple):
    """PSS and USS in KiB."""

    pss_kib: int
    uss_kib: int


def parse_stat(text: str) -> Stat:
    """Take C(/proc/PID/stat) apart; comm may hold blanks, brackets and newlines."""
    opening, closing = text.find("("), text.rfind(")")
    rest = text[closing + 1 :].split()
    # ppid is field 4 and starttime field 22 of proc(5); field 3 is the first one behind the name.
    if opening < 0 or closing < opening or len(rest) < 20 or not all(map(_DIGITS.fullmatch, (rest[1], rest[19]))):
        raise LifeboatError(f"not a /proc/PID/stat line: {text[:80]!r}")
    return Stat(text[opening + 1 : closing], int(rest[1]), int(rest[19]))


def parse_status(text: str) -> Optional[Dict[str, int]]:
    """The numbers of C(/proc/PID/status) by name; C(None) for a kernel thread or a zombie: no memory."""
    numbers = {name: int(value) for name, value in _STATUS.findall(text)}
    return numbers if "VmRSS" in numbers else None


def has_capability(status: str, number: int) -> bool:
    """Whether C(/proc/PID/status) shows the capability as effective."""
    match = _CAPABILITIES.search(status)
    return match is not None and bool(int(match.group(1), 16) >> number & 1)


def is_sys_admin(status: str) -> bool:
    return has_capability(status, _CAP_SYS_ADMIN)


def parse_shares(smaps: str) -> Optional[Shares]:
    """PSS and USS of C(smaps_rollup) (4.14) or C(smaps); C(None) where they are not told (a kernel thread)."""
    found = [(name, int(kib)) for name, kib in _SHARES.findall(smaps)]
    if not {"Pss", "Private_Clean", "Private_Dirty"} <= {name for name, _unused in found}:
        return None
    pss_kib = sum(kib for name, kib in found if name == "Pss")
    return Shares(pss_kib, sum(kib for name, kib in found if name != "Pss"))


def parse_cgroup(text: str) -> Optional[str]:
    """The cgroup that systemd tracks: the unified one, or C(name=systemd) on v1. Source: cgroups(7).

    Raises TooMuch for a path that is longer or deeper than any.
    """
    paths: Dict[str, str] = {}
    # The name of a cgroup may hold any separator but a newline; str.splitlines() would let it forge a line.
    for line in text.split("\n"):
        _unused, _unused, rest = line.partition(":")
        controllers, separator, path = rest.partition(":")
        if separator:
            paths[controllers] = path
    named = paths.get("name=systemd")
    unified = paths.get("")
    # A hybrid host has both; the unified one may be "/" for everything there.
    tracked = named if named is not None and unified in (None, "/") else unified
    return None if tracked is None else checked_path(tracked)
