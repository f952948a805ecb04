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

_STATUS = re.compile(r"^(\w+):[ \t]*([0-9]{1,20})\b", re.MULTILINE)
_CAPABILITIES = re.compile(r"^CapEff:\s*([0-9a-f]+)", re.MULTILINE)
_SHARES = re.compile(r"^(Pss|Private_Clean|Private_Dirty|Private_Hugetlb): +([0-9]{1,20}) kB$", re.MULTILINE)
_DIGITS = re.compile("[0-9]{1,20}")
_CAP_SYS_ADMIN, CAP_SYS_RESOURCE = 21, 24  # include/uapi/linux/capability.h


@dataclass(frozen=True)
class Process:
    """A process with memory of its own, sizes in KiB.

    I(start_ticks) since boot tells two owners of one pid apart. I(unit) is the systemd unit whose cgroup holds it
    (one of a user or a container in full, as C(user@1000.service/a.service)), C(None) outside of any.
    I(memory_cgroup) is the group that its memory is accounted to, C(None) without one. I(sys_admin) says whether it
    has CAP_SYS_ADMIN, which the OOM killer favoured up to 4.16. RSS parts are C(None) before kernel 4.5; I(swap_kib)
    and I(pgtables_kib) are 0 where the kernel does not tell them (before 2.6.34), so that the points are then a little
    low. I(pss_kib), its share of pages used by several, and I(uss_kib), what only it uses, are measured for the
    largest processes alone, C(None) for others.
    """

    pid: int
    ppid: int
    start_ticks: int
    comm: str
    uid: int
    cgroup: Optional[str]
    unit: Optional[str]
    memory_cgroup: Optional[str]
    sys_admin: bool
    rss_kib: int
    rss_anon_kib: Optional[int]
    rss_file_kib: Optional[int]
    rss_shmem_kib: Optional[int]
    swap_kib: int
    pgtables_kib: int
    oom_score: Optional[int]
    oom_score_adj: int
    pss_kib: Optional[int] = None
    uss_kib: Optional[int] = None


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
