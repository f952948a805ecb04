# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said to the device's C(sh) in a drill, and what its answers mean."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError

UNIT = "lifeboat-oom-drill"
FOLDER = f"/run/{UNIT}"
# So long the device keeps what the controller has to fetch, which may have lost the connection.
SECONDS_KEPT = 300
_HERE = Path(__file__).parent
_END = "@end"


@dataclass(frozen=True)
class Answer:
    """What the device says while it is asked again and again. I(ended): who grew does not any more."""

    boot_id: str
    ended: bool


@dataclass(frozen=True)
class Report:
    """What the device wrote down: I(pid) is who grew, I(status) its exit status (137 for a kill), C(None) where it
    had not ended; I(late) that it was ended by ourselves; I(longest_gap_seconds) the longest time between two of its
    heartbeats, of which there should be five a second; I(seconds) how long it grew.
    """

    pid: int | None
    status: int | None
    late: bool
    seconds: float | None
    longest_gap_seconds: float | None


def start(seconds: int) -> str:
    words = {
        "UNIT": UNIT,
        "FOLDER": FOLDER,
        "SECONDS_MOST": str(seconds),
        "SECONDS_KEPT": str(SECONDS_KEPT),
        "DRILL": (_HERE / "drill.sh").read_text(encoding="utf-8"),
    }
    assignments = "".join(f"{name}={shlex.quote(value)}\n" for name, value in words.items())
    return assignments + (_HERE / "start.sh").read_text(encoding="utf-8")


ASK = f"cat /proc/sys/kernel/random/boot_id && if [ -e {FOLDER}/ended ] || [ ! -e {FOLDER} ]; then echo ended; fi"
FETCH = (
    f"cd {FOLDER} && for name in pid ended late beats; do echo @$name; [ ! -e $name ] || cat $name; done; echo {_END}"
)
# What grows is ended, where it still does; the rest of the drill ends by itself when its folder is gone.
CLEAN_UP = f"""
if [ -e {FOLDER}/pid ] && [ ! -e {FOLDER}/ended ]; then
  pid=$(cat {FOLDER}/pid)
  [ "$(cat /proc/$pid/comm)" != tail ] || kill -KILL $pid
fi
rm -rf {FOLDER}
"""


def parse_answer(stdout: str) -> Answer | None:
    """C(None) where that is no answer to ASK: a device in need says all sorts of things."""
    lines = stdout.split()
    if not lines or len(lines[0]) != 36 or lines[1:] not in ([], ["ended"]):
        return None
    return Answer(lines[0], len(lines) == 2)


def parse_report(stdout: str) -> Report:
    """What FETCH printed. Raises LifeboatError where its end is missing."""
    lines = [line.strip() for line in stdout.splitlines()]
    if _END not in lines:
        raise LifeboatError(f"found {stdout[-80:]!r} instead of what the drill wrote down; expected a line {_END}")
    parts: dict[str, list[str]] = {}
    for line in lines:
        if line.startswith("@"):
            parts[line] = []
        elif line and parts:
            parts[next(reversed(parts))].append(line)
    pid, ended = (" ".join(parts.get(name, ())).split() for name in ("@pid", "@ended"))
    beats = _numbers(parts.get("@beats", ()))
    return Report(
        pid=int(pid[0]) if len(pid) == 1 and pid[0].isdecimal() else None,
        status=int(ended[1]) if len(ended) == 2 and ended[1].isdecimal() else None,
        late="@late" in lines and bool(parts["@late"]),
        seconds=round(float(ended[0]) - beats[0], 2) if len(ended) == 2 and beats else None,
        longest_gap_seconds=round(max(later - earlier for earlier, later in pairwise(beats)), 2) if beats[1:] else None,
    )


def _numbers(lines: Sequence[str]) -> list[float]:
    """A line that was cut off is left out."""
    found = []
    for line in lines:
        try:
            found.append(float(line))
        except ValueError:
            continue
    return found
