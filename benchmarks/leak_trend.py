# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often the trend accuses who leaks, and who does not; and what it costs to say so."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "collections"), str(ROOT / "tests")]

from unit.leak_series import KINDS, ROOM_BYTES, samples  # noqa: E402

from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.trend import Limits, judge  # noqa: E402


def judged(seed: int, each: int, nightly: bool) -> None:
    accused: Counter[str] = Counter()
    seconds, slowest, points, services = 0.0, 0.0, 0, 0
    for sample in samples(seed, each, nightly):
        start = time.process_time()
        accused[sample.kind] += judge(sample.lives, Limits(), ROOM_BYTES).verdict == "leak"
        took = time.process_time() - start
        seconds, slowest, points = seconds + took, max(slowest, took), points + sum(map(len, sample.lives))
        services += 1
    print(f"{'one look a night' if nightly else 'many looks a day'}; seed {seed}, {points} looks in all")
    print(f"{'':20}  leaks  accused")
    kinds = {kind: leaks for kind, (leaks, _make) in KINDS.items() if kind in accused}
    for kind, leaks in kinds.items():
        print(f"{kind:20}  {'yes' if leaks else 'no':5}  {accused[kind]:4} of {each}")
    right = sum(accused[kind] for kind, leaks in kinds.items() if leaks)
    print(f"precision {right / max(accused.total(), 1):.3f}, recall {right / (each * sum(kinds.values())):.3f}")
    print(f"processor time for a service: {1000 * seconds / services:.1f} ms, at most {1000 * slowest:.0f} ms\n")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--each", type=int, default=500, help="services of every kind")
    options.add_argument("--seed", type=int, default=1)
    asked = options.parse_args()
    for nightly in (False, True):
        judged(asked.seed, asked.each, nightly)


if __name__ == "__main__":
    main()
