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
_SIZES = ("VmRSS:", "VmSwap:", "MemAvailable:", "SwapFree:")


@dataclass(frozen=True)
class Answer:
    """What the device says while it is asked again and again. I(ended): who grew does not any more. I(grown_kib) is
    how large it is, I(left_kib) what is available of memory and free of swap, where the kernel tells.
    """

    boot_id: str
    ended: bool
    grown_kib: int | None = None
    left_kib: int | None = None


@dataclass(frozen=True)
class Report:
    """What the device wrote down: I(pid) is who grew, I(status) its exit status (137 for a kill), C(None) where it
    had not ended; I(late) that it was ended by ourselves; I(longest_gap_seconds) the longest time between two of its
    heartbeats, of which there should be five a second; I(seconds) how long it grew; I(out_of_memory) that it said so.
    """

    pid: int | None
    status: int | None
    late: bool
    seconds: float | None
    longest_gap_seconds: float | None
    out_of_memory: bool = False


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


# No program is started but the first. The drill may have been ended as a whole.
ASK = f"""
cat /proc/sys/kernel/random/boot_id || exit
if [ -e {FOLDER}/ended ] || [ ! -e {FOLDER} ] || {{ read -r shell < {FOLDER}/shell && [ ! -e "/proc/$shell" ]; }}; then
  echo ended
  exit
fi 2> /dev/null
sizes() {{
  while read -r name kib _; do
    case $name in {" | ".join(_SIZES)}) echo "$name $kib" ;; esac
  done
}}
{{ read -r pid < {FOLDER}/pid && sizes < "/proc/$pid/status" && sizes < /proc/meminfo; }} 2> /dev/null
true
"""
FETCH = f"""
cd {FOLDER} && for name in pid ended late said beats; do
  echo @$name
  [ ! -e $name ] || cat $name
done
echo {_END}
"""
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
    first, *lines = [line.split() for line in stdout.splitlines()] or [[]]
    sizes = dict(line for line in lines if len(line) == 2 and line[0] in _SIZES and line[1].isdecimal())
    ended = lines == [["ended"]]
    if len(first) != 1 or len(first[0]) != 36 or not (ended or len(sizes) == len(lines)):
        return None
    kib = {name: int(size) for name, size in sizes.items()}
    grown = kib["VmRSS:"] + kib.get("VmSwap:", 0) if "VmRSS:" in kib else None
    left = kib["MemAvailable:"] + kib.get("SwapFree:", 0) if "MemAvailable:" in kib else None
    return Answer(first[0], ended, grown, left)


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
        out_of_memory="memory" in " ".join(parts.get("@said", ())),
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
