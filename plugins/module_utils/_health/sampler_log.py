# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the sampler of the role oom_monitor has written since the host was booted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Door
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError

SAMPLES_FILE = "/run/lifeboat-oom/samples"
# In front of the boot id, in the first line.
HEADER = "lifeboat-oom-samples 1"


@dataclass(frozen=True)
class ServiceSamples:
    """The memory of one service over time, while one main process lived."""

    unit: str
    """The unit."""

    main_pid: int
    """Number of the main process that systemd names, else of the oldest one."""

    start_ticks: int
    """When that was started, in clock ticks since boot."""

    uptime_seconds: Tuple[int, ...]
    """When each sample was taken, in seconds since boot, oldest first."""

    anon_swap_kib: Tuple[int, ...]
    """C(RssAnon) and C(VmSwap) of all its processes together, in KiB, one for each of I(uptime_seconds)."""


def read_samples(host: Door, boot_id: Optional[str]) -> Optional[Tuple[ServiceSamples, ...]]:
    """C(None) where there is no sampler, or none since this boot. Raises HostError for a file that is not its."""
    text = host.read_if_there(SAMPLES_FILE)
    if text is None:
        return None
    header, _unused, rest = text.partition("\n")
    if not header.startswith(HEADER + " "):
        raise HostError(
            f"{SAMPLES_FILE}: found something else in the first line, expected {HEADER!r} and the boot id; remove the "
            "file, the sampler makes a new one",
            SAMPLES_FILE,
        )
    return parse_samples(rest) if header[len(HEADER) + 1 :] == boot_id else None


def parse_samples(text: str) -> Tuple[ServiceSamples, ...]:
    """Lines of uptime in seconds, pid, start in ticks, KiB and unit, by process in the order of its first line."""
    found: Dict[Tuple[str, int, int], List[Tuple[int, int]]] = {}
    for number, line in enumerate(text.split("\n"), 2):
        if not line:
            continue
        words = line.split(" ")
        if len(words) != 5 or not all(word.isdecimal() and len(word) < 19 for word in words[:4]):
            raise HostError(
                f"{SAMPLES_FILE}: found something else in line {number}, expected uptime, pid, start, KiB and a unit; "
                "remove the file, the sampler makes a new one",
                SAMPLES_FILE,
            )
        uptime_seconds, main_pid, start_ticks, kib = (int(word) for word in words[:4])
        found.setdefault((words[4], main_pid, start_ticks), []).append((uptime_seconds, kib))
    return tuple(
        ServiceSamples(*process, tuple(uptime for uptime, _kib in each), tuple(kib for _uptime, kib in each))
        for process, each in found.items()
    )
