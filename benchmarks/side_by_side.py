# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two ways to the same end, by turns on one lab device. Only the ratio of a pair says anything."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version

from lab.runner import Run
from lab.uml import Machine

# One side's turn: the seconds of each of its phases, by the name of the phase.
Turn = Callable[[], Mapping[str, float]]


@dataclass(frozen=True)
class Ratios:
    """How many times as long as ours the peer took, in each round."""

    values: tuple[float, ...]

    def __str__(self) -> str:
        return f"{statistics.median(self.values):.2f} ({min(self.values):.2f} to {max(self.values):.2f})"


def by_turns(rounds: int, ours: Turn, peer: Turn) -> dict[str, Ratios]:
    """The ratios peer / ours of each phase. The sides take turns, so that what else runs here hits both."""
    seconds: list[tuple[Mapping[str, float], Mapping[str, float]]] = []
    for number in range(1, rounds + 1):
        print(f"round {number} of {rounds}", file=sys.stderr)
        seconds.append((ours(), peer()))
    return {phase: Ratios(tuple(theirs[phase] / own[phase] for own, theirs in seconds)) for phase in seconds[0][0]}


def checked(run: Run, *, changes: bool) -> Run:
    """The run, if it ended well and changed something, or nothing, as it should."""
    if run.returncode or bool(run.changed) != changes:
        raise SystemExit(f"it should have changed {'something' if changes else 'nothing'}:\n{run.stdout}{run.stderr}")
    return run


def timed(play: Callable[[], Run], *, changes: bool) -> float:
    """The seconds of a whole ansible-playbook run that did what it should."""
    start = time.monotonic()
    run = play()
    seconds = time.monotonic() - start
    checked(run, changes=changes)
    return seconds


def measured_on(device: Machine) -> str:
    kernel, systemd, python = device.ssh("uname -r; systemctl --version | head -n 1; python3 -V").stdout.splitlines()
    return f"ansible-core {version('ansible-core')}; device: Linux {kernel}, {systemd}, {python}"
