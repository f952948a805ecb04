# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's log, from wherever this host keeps it, and the OOM events in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Door
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel import oom_log

# One of these is in every line of the kernel that matters here, whatever the case.
WORDS = "oom|out of memory|killed process"


def argvs(lines: int, since: Optional[str]) -> Tuple[Tuple[str, ...], ...]:
    """The commands that print a kernel log, best first."""
    # --all: without it a line with the name of a process that is not UTF-8 is but "[45B blob data]".
    journal = ("journalctl", "--all", "--quiet", "--no-pager", "--output=short-iso", f"--lines={lines}")
    return (*journal, "_TRANSPORT=kernel"), ("dmesg",)


@dataclass(frozen=True)
class KernelLog:
    """Where the events come from.

    I(source) is C(journal), C(dmesg), C(/dev/kmsg) or the path of a file, I(lines) how many were read.
    I(incomplete): the kernel has counted more kills since boot than the log tells of, C(None) where it does not count.
    I(unrecognised) are lines that speak of the OOM killer in words unknown here, as they stand.
    """

    source: str
    lines: int
    incomplete: Optional[bool]
    unrecognised: Tuple[str, ...]
    omitted_events: int


class LogRead(NamedTuple):
    """The log, and the OOM events in it, oldest first."""

    log: KernelLog
    events: Tuple[Mapping[str, Any], ...]


def read_kernel_log(host: Door, lines: int) -> str:
    """The last I(lines) of the kernel log: the journal, which outlives a reboot, else the ring buffer.

    Raises HostError where neither can be read.
    """
    said: List[str] = []
    for argv in argvs(lines, None):
        try:
            text = host.run_or_fail(argv)
        except HostError as error:
            said.append(str(error))
            continue
        if text.strip() or argv == ("dmesg",):
            # Only a newline ends a line: names of processes and cgroups may hold any other separator.
            return "\n".join(text.split("\n")[-lines - 1 :])
        said.append("the journal has no kernel messages")
    raise HostError("no kernel log: " + "; ".join(said), "dmesg")


def read_log(host: Door, lines: int, since: Optional[str], oom_kills: Optional[int]) -> LogRead:
    """The OOM events of the log, oldest first, without their process tables."""
    text = read_kernel_log(host, lines)
    found = oom_log.parse(text.split("\n"))
    events = []
    for event in found.events:
        entry = event.as_dict()
        entry["tasks"] = []
        events.append(entry)
    log = KernelLog("journal", text.count("\n"), None, found.unrecognised, found.omitted_events)
    return LogRead(log, tuple(events))
