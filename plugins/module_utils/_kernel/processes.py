# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One process as C(/proc/PID) shows it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, Optional, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError

_UNIT_SUFFIXES = (".service", ".scope", ".socket", ".mount", ".swap")
_STATUS = re.compile(r"^(\w+):\s*(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Process:
    """A process with memory of its own, sizes in KiB.

    I(start_ticks) since boot tells two owners of one pid apart. I(unit) is the systemd unit whose cgroup holds it,
    C(None) outside of any. RSS parts are C(None) before kernel 4.5; I(swap_kib) and I(pgtables_kib) are 0 where the
    kernel does not tell them (before 2.6.34), so that the points are then a little low.
    """

    pid: int
    start_ticks: int
    comm: str
    uid: int
    cgroup: Optional[str]
    unit: Optional[str]
    rss_kib: int
    rss_anon_kib: Optional[int]
    rss_file_kib: Optional[int]
    rss_shmem_kib: Optional[int]
    swap_kib: int
    pgtables_kib: int
    oom_score: Optional[int]
    oom_score_adj: int


def parse_stat(text: str) -> Tuple[str, int]:
    """I(comm) and I(start_ticks) of C(/proc/PID/stat); comm may hold blanks, brackets and newlines."""
    opening, closing = text.find("("), text.rfind(")")
    rest = text[closing + 1 :].split()
    # starttime is field 22 of proc(5); field 3 is the first one behind the name.
    if opening < 0 or closing < opening or len(rest) < 20 or not rest[19].isdigit():
        raise LifeboatError(f"not a /proc/PID/stat line: {text[:80]!r}")
    return text[opening + 1 : closing], int(rest[19])


def parse_status(text: str) -> Optional[Dict[str, int]]:
    """The numbers of C(/proc/PID/status) by name; C(None) for a kernel thread or a zombie: no memory."""
    numbers = {name: int(value) for name, value in _STATUS.findall(text)}
    return numbers if "VmRSS" in numbers else None


def parse_cgroup(text: str) -> Optional[str]:
    """The cgroup that systemd tracks: the unified one, or C(name=systemd) on v1. Source: cgroups(7)."""
    paths: Dict[str, str] = {}
    # The name of a cgroup may hold any separator but a newline; str.splitlines() would let it forge a line.
    for line in text.split("\n"):
        _, _, rest = line.partition(":")
        controllers, separator, path = rest.partition(":")
        if separator:
            paths[controllers] = path
    named = paths.get("name=systemd")
    unified = paths.get("")
    # A hybrid host has both; the unified one may be "/" for everything there.
    return named if named is not None and unified in (None, "/") else unified


def unit_of(cgroup: Optional[str]) -> Optional[str]:
    """The innermost systemd unit of a cgroup path, C(/system.slice/nginx.service/workers) → C(nginx.service)."""
    for part in reversed((cgroup or "").split("/")):
        if part.endswith(_UNIT_SUFFIXES):
            return part
    return None
