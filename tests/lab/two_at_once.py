# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two controllers at once on one device: both modules write the same file, and neither may lose what the other wrote.

``PYTHONPATH=tests python -m lab.two_at_once --pairs 200`` takes some twenty minutes, and says what was lost.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from .runner import Ansible
from .uml import Lab, Machine

FILE = "/etc/sysctl.d/99-zz-lifeboat-oom.conf"
FOREIGN = "vm.dirty_ratio = 10"
# The later one starts so much later at most: both are at work for about a second.
_APART_SECONDS = 0.4


@dataclass(frozen=True)
class Pair:
    """What came of two runs; I(lost) has each line or value that is not as both have said that it is."""

    lost: tuple[str, ...]
    seconds: float


def pairs(ansible: Ansible, device: Machine, count: int, seed: int = 1) -> Iterator[Pair]:
    """One pair after the other, each with other values than the one before, so that all have to write."""
    device.ssh(f"echo '{FOREIGN}' > {FILE}")
    apart = random.Random(seed)
    with ThreadPoolExecutor(2) as both:
        for number in range(count):
            wanted: dict[str, dict[str, Any]] = {
                "overcommit": {"ratio": 60 + number % 2, "admin_reserve_kbytes": 4096 + number % 2},
                "oom_reaction": {"panic_reboot_seconds": 10 + number % 2, "dump_tasks": bool(number % 2)},
            }
            lines = {
                FOREIGN,
                f"vm.overcommit_ratio = {60 + number % 2}",
                f"vm.admin_reserve_kbytes = {4096 + number % 2}",
                f"kernel.panic = {10 + number % 2}",
                f"vm.oom_dump_tasks = {number % 2}",
            }
            began = time.monotonic()
            runs = []
            for name in sorted(wanted, reverse=bool(apart.getrandbits(1))):
                runs.append(both.submit(ansible.module, device, name, wanted[name]))
                time.sleep(apart.uniform(0, _APART_SECONDS))
            results = [run.result() for run in runs]
            failed = [str(result["msg"]) for result in results if result["failed"]]
            found = {line for line in _said(device, f"cat {FILE}") if not line.startswith("#")}
            running = set(_said(device, "sysctl " + " ".join(line.split(" = ")[0] for line in lines - {FOREIGN})))
            lost = (*failed, *sorted(lines ^ found), *sorted((lines - {FOREIGN}) ^ running))
            yield Pair(lost, time.monotonic() - began)


def _said(device: Machine, command: str) -> list[str]:
    return device.ssh(command).stdout.splitlines()


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=200, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of how far apart they start (default: %(default)s)")
    chosen = parser.parse_args(words)
    done = []
    with Lab() as lab:
        device = lab.up("shared")
        for pair in pairs(Ansible(lab), device, chosen.pairs, chosen.seed):
            done.append(pair)
            print(f"{len(done)}: {'; '.join(pair.lost) or 'nothing lost'} ({pair.seconds:.1f} s)", flush=True)
    bad = sum(bool(pair.lost) for pair in done)
    print(f"{len(done)} pairs, {bad} lost something, {statistics.median(pair.seconds for pair in done):.1f} s each")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
