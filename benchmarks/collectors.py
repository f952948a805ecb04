# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look costs: for each process against reading the same files, and as a task against setup and raw."""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "collections"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from lab.runner import Ansible
from lab.uml import Lab, Machine
from side_by_side import Ratios, by_turns, measured_on, timed

from ansible_collections.lifeboat.oom.plugins.module_utils._health.process_table import read_processes
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host

_FILES = ("status", "stat", "cgroup", "oom_score", "oom_score_adj")


@contextlib.contextmanager
def sleepers(count: int) -> Iterator[None]:
    """Processes that do nothing."""
    found = [subprocess.Popen(["sleep", "600"]) for _unused in range(count)]
    try:
        yield
    finally:
        for one in found:
            one.kill()
            one.wait()


def read_raw() -> int:
    """Open and read the same files of every process, and do nothing with them."""
    count = 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            count += 1
            for file in _FILES:
                with contextlib.suppress(OSError), open(f"/proc/{name}/{file}", "rb") as stream:
                    stream.read()
    return count


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_process(processes: int, rounds: int) -> None:
    with sleepers(processes):
        count = read_raw()
        pairs = [(seconds(lambda: read_processes(Host())), seconds(read_raw)) for _unused in range(rounds)]
    ratios = [ours / raw for ours, raw in pairs]
    print(
        f"process table of {count} processes, collector / reading the same files: "
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}), "
        f"{1e6 * statistics.median(ours for ours, _unused in pairs) / count:.0f} microseconds a process here"
    )


def as_tasks(ansible: Ansible, device: Machine, rounds: int) -> None:
    def run(name: str, collector: str | None = None) -> Callable[[], float]:
        arguments = {"raw": {"_raw_params": "true"}, "setup": {}}.get(name, {"collector": collector})
        module = "lifeboat.oom.memory_facts" if collector else f"ansible.builtin.{name}"
        play = {"hosts": "all", "gather_facts": False, "tasks": [{module: arguments, "changed_when": False}]}
        return lambda: timed(lambda: ansible.playbook([play], [device]), changes=False)

    pairs = {
        "setup / memory_facts native": (run("", "native"), run("setup")),
        "memory_facts bare / raw": (run("raw"), run("", "bare")),
        "memory_facts native / memory_facts bare": (run("", "bare"), run("", "native")),
    }
    for title, (ours, peer) in pairs.items():
        print(f"whole runs, {title}: {_ratios(rounds, ours, peer)}")


def _ratios(rounds: int, ours: Callable[[], float], peer: Callable[[], float]) -> Ratios:
    return by_turns(rounds, lambda: {"": ours()}, lambda: {"": peer()})[""]


def main(words: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=500, help="on this machine (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="(default: %(default)s)")
    chosen = parser.parse_args(words)
    in_process(chosen.processes, 3 * chosen.rounds)
    with Lab() as lab:
        device = lab.up("device")
        print(measured_on(device))
        as_tasks(Ansible(lab), device, chosen.rounds)


if __name__ == "__main__":
    main(sys.argv[1:])
