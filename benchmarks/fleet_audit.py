# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An audit of 200 hosts over real ssh, against ping with the same forks; some hosts between do not answer."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from lab.ssh_fleet import Fleet, ssh_fleet
from lab.test_fleet import ILL
from side_by_side import by_turns

ROOT = Path(__file__).resolve().parents[1]


def seconds(words: Sequence[str], ends_with: int) -> float:
    start = time.monotonic()
    program, *arguments = words
    done = subprocess.run(
        [str(Path(sys.executable).parent / program), *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode != ends_with:
        raise SystemExit(f"ended with {done.returncode}, not {ends_with}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return time.monotonic() - start


def compare(fleet: Fleet, folder: Path, count: int, forks: int, rounds: int, collector: str) -> str:
    inventory = folder / "inventory.json"
    inventory.write_text(fleet.inventory(count))
    common = ["-i", str(inventory), "-f", str(forks)]
    audit = ["ansible-playbook", *common, "lifeboat.oom.audit", "-e", f"oom_audit_report_dir={folder}/report"]
    audit += ["-e", f"oom_audit_collector={collector}"]
    ping = ["ansible", *common, "all", "-m", "ansible.builtin.ping"]
    found = by_turns(rounds, lambda: {"": seconds(ping, 0)}, lambda: {"": seconds(audit, 0)})
    records = len(list((folder / "report" / "hosts").glob("host*.json")))
    if records != count:
        raise SystemExit(f"{records} records of {count} hosts")
    return f"{count} hosts, {forks} forks, whole runs, audit ({collector}) / ping: {found['']}"


def main(words: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=200, help="(default: %(default)s)")
    parser.add_argument("--forks", type=int, default=20, help="(default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="(default: %(default)s)")
    chosen = parser.parse_args(words)
    print(f"ansible-core {version('ansible-core')}")
    with ssh_fleet() as fleet:
        for collector in ("native", "bare"):
            with tempfile.TemporaryDirectory(prefix="fleet-audit-") as folder:
                print(compare(fleet, Path(folder), chosen.hosts, chosen.forks, chosen.rounds, collector), flush=True)
        with tempfile.TemporaryDirectory(prefix="fleet-audit-") as folder:
            (Path(folder) / "inventory.json").write_text(fleet.inventory(chosen.hosts, ILL))
            words = [
                "ansible-playbook",
                "-i",
                f"{folder}/inventory.json",
                "-f",
                str(chosen.forks),
                "lifeboat.oom.audit",
            ]
            seconds([*words, "-e", f"oom_audit_report_dir={folder}/report"], 2)
            records = len(list((Path(folder) / "report" / "hosts").glob("host*.json")))
            all_of_them = chosen.hosts + len(ILL)
            print(f"with {len(ILL)} hosts between that do not answer or are wrong: {records} records of {all_of_them}")


if __name__ == "__main__":
    main(sys.argv[1:])
