# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a report of the fleet takes, and how much memory, as the fleet grows.

.venv/bin/python benchmarks/fleet_report.py
.venv/bin/python benchmarks/fleet_report.py --hosts 1000 10000
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from synthetic_fleet import make_fleet

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "collections"))


def measure(folder: Path) -> None:
    """In a process of its own: one report; its seconds by the clock and of the processor, and its peak of memory."""
    started = time.perf_counter()
    # Counted in: what a run of Ansible has to import first.
    from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.location import open_history
    from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import RecordFiles
    from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.fleet_report import roll_up

    files, now = RecordFiles(folder), int(time.time())
    files.sweep()
    with open_history(folder) as history:
        history.prune(90, now)
        roll_up(files, history, now)
    seconds = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--folder", type=Path, help="where the made fleets go for a while (50 kB a host)")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.measure:
        measure(chosen.measure)
        return
    print(f"{'hosts':>8} {'seconds':>8} {'CPU s':>8} {'peak MiB':>9} {'CPU ms each':>11} {'index MiB':>10}")
    times = []
    for hosts in chosen.hosts:
        folder = Path(tempfile.mkdtemp(prefix="fleet-", dir=chosen.folder))
        try:
            make_fleet(folder, hosts)
            done = subprocess.run(
                [sys.executable, __file__, "--measure", str(folder)], check=True, capture_output=True, text=True
            )
            seconds, cpu_seconds, peak_mib = map(float, done.stdout.split())
            index_mib = (folder / "index.html").stat().st_size / 2**20
        finally:
            shutil.rmtree(folder)
        times.append((hosts, cpu_seconds))
        each = 1000 * cpu_seconds / hosts
        print(f"{hosts:8} {seconds:8.2f} {cpu_seconds:8.2f} {peak_mib:9.0f} {each:11.3f} {index_mib:10.1f}", flush=True)
    (fewer, before), (more, after) = times[-2:] if len(times) > 1 else (times[0], times[0])
    print(f"{more / fewer:.0f} times the hosts take {after / before:.1f} times the CPU")


if __name__ == "__main__":
    main()
