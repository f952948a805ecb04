# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services that shall run and do not: what they will ask for is not in what is committed now."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import Dict, Mapping, Optional, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Door
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError
from ansible_collections.lifeboat.oom.plugins.module_utils._health.services import has_systemd
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd import units

_PROPERTIES = (
    "Id", "Names", "LoadState", "ActiveState", "UnitFileState", "Type", "ConditionResult",
    "ConditionTimestampMonotonic", "MemoryPeak",
)  # fmt: skip
# Without the states a pattern stands for what is active alone.
ARGV = (
    "systemctl", "show", "--no-pager", "--state=inactive,failed", "--property=" + ",".join(_PROPERTIES), "*.service",
)  # fmt: skip
# What systemd (255) says of a unit that has ended: SD_MESSAGE_UNIT_RESOURCES, src/systemd/sd-messages.h.
PEAKS_ARGV = (
    "journalctl", "--quiet", "--no-pager", "--output=cat", "--lines=500", "_PID=1",
    "MESSAGE_ID=ae8f7b866b0347b9af31fe1c80b127c0",
)  # fmt: skip
_PEAK = re.compile(r"(\S{1,256}): Consumed (?:.{0,200}, )?(\d{1,6}(?:\.\d{1,3})?)([BKMGT]) memory peak")
_KIB = {"B": 1 / 1024, "K": 1, "M": 1024, "G": 1024**2, "T": 1024**3}


@dataclass(frozen=True)
class DormantUnit:
    """A service that is enabled, or has failed, and does not run."""

    unit: str
    """Its name."""

    state: str
    """systemd's word: C(inactive), C(failed)."""

    peak_kib: Optional[int]
    """The most that it held in an earlier run, page cache included, in KiB, as systemd (255) or its journal tells; null
    where neither does.
    """


def read_dormant(host: Door) -> Tuple[DormantUnit, ...]:
    """Nothing where systemd is not the init. Raises HostError."""
    if not has_systemd(host):
        return ()
    shown = [block for block in units.blocks(host.run_or_fail(ARGV)) if _is_dormant(block)]
    peaks = _peaks(host) if shown else {}
    found = []
    for block in shown:
        unit = units.text(block, "Id") or ""
        found.append(DormantUnit(unit, block["ActiveState"], _peak_kib(block.get("MemoryPeak"), peaks.get(unit))))
    return tuple(found)


def _is_dormant(block: Mapping[str, str]) -> bool:
    """One that does its work and ends is not missing, nor is one whose conditions this host does not meet."""
    tried = block.get("ConditionTimestampMonotonic") not in (None, "", "0")
    shall_run = block.get("ActiveState") == "failed" or block.get("UnitFileState") in ("enabled", "enabled-runtime")
    return (
        block.get("LoadState") == "loaded"
        and "ActiveState" in block
        and block.get("Type") != "oneshot"
        and not (tried and block.get("ConditionResult") == "no")
        and shall_run
    )


def _peak_kib(shown: Optional[str], logged_kib: Optional[int]) -> Optional[int]:
    """The larger of both: a run that ended at once was small."""
    # 2^64-1 is how the manager stores that it does not know.
    shown_kib = int(shown) // 1024 if shown is not None and re.match(r"[0-9]{1,18}\Z", shown) else None
    return max((kib for kib in (shown_kib, logged_kib) if kib is not None), default=None)


def _peaks(host: Door) -> Dict[str, int]:
    """The largest peak of each unit that the journal tells of, in KiB."""
    found: Dict[str, int] = {}
    with contextlib.suppress(HostError):  # a host without a journal: nobody says more
        for line in host.run(PEAKS_ARGV).stdout.split("\n"):
            match = _PEAK.match(line)
            if match:
                kib = int(float(match.group(2)) * _KIB[match.group(3)])
                found[match.group(1)] = max(kib, found.get(match.group(1), 0))
    return found
