# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One call for many services against loops that write their drop-ins, on a lab device."""

from __future__ import annotations

import argparse
import operator
import shlex
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from lab.runner import Ansible, Run
from lab.uml import Lab, Machine
from side_by_side import by_turns, measured_on, timed

Play = Sequence[Mapping[str, Any]]

PHASES = {"first": True, "converged": False}  # and whether it changes something
ONE_CALL: Play = [
    {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [{"name": "Set the scores", "lifeboat.oom.service_oom_score": {"services": "{{ services }}"}}],
    }
]
LOOPS: Play = [
    {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [
            {
                "name": "Make the drop-in folders",
                "ansible.builtin.file": {
                    "path": "/etc/systemd/system/{{ item.name }}.service.d",
                    "state": "directory",
                    "mode": "0755",
                },
                "loop": "{{ services }}",
                "loop_control": {"label": "{{ item.name }}"},
            },
            {
                "name": "Write the drop-ins",
                "ansible.builtin.copy": {
                    "content": "[Service]\nOOMScoreAdjust={{ item.oom_score_adj }}\n",
                    "dest": "/etc/systemd/system/{{ item.name }}.service.d/50-oom.conf",
                    "mode": "0644",
                },
                "loop": "{{ services }}",
                "loop_control": {"label": "{{ item.name }}"},
                "notify": "Reload systemd",
            },
        ],
        "handlers": [{"name": "Reload systemd", "ansible.builtin.systemd_service": {"daemon_reload": True}}],
    }
]

UNIT = """\
[Service]
ExecStart=/bin/sleep infinity
"""
# In front of the real one on the PATH, for both sides: a line for each call.
COUNTER_PATH, CALLS = "/usr/local/bin/systemctl", "/run/systemctl.calls"
COUNTER = f"""\
#!/bin/sh
echo "$*" >> {CALLS}
exec /usr/bin/systemctl "$@"
"""
SETUP = f"""\
for name in $NAMES; do printf %s {shlex.quote(UNIT)} > "/etc/systemd/system/$name.service"; done
systemctl daemon-reload
systemctl start $NAMES
printf %s {shlex.quote(COUNTER)} > {COUNTER_PATH}
chmod 755 {COUNTER_PATH}
"""
RESET = """\
for name in $NAMES; do rm -rf "/etc/systemd/system/$name.service.d"; done
systemctl daemon-reload
for pid in $(pidof sleep); do echo 0 > "/proc/$pid/oom_score_adj"; done
"""
SCORES = """\
systemctl show -P OOMScoreAdjust $NAMES
for pid in $(systemctl show -P MainPID $NAMES); do cat "/proc/$pid/oom_score_adj"; done
"""


@dataclass(frozen=True)
class Seen:
    """After a run: its calls of systemctl, how many scores are loaded as declared, and how many processes have it."""

    calls: Counter[str]
    loaded: int
    running: int

    def __str__(self) -> str:
        calls = f"systemctl show {self.calls['show']}, daemon-reload {self.calls['daemon-reload']}"
        return f"{calls}; as declared: {self.loaded} loaded, {self.running} running"


class Bench:
    """A device with many small services, and both ways to give them their scores."""

    def __init__(self, ansible: Ansible, device: Machine, count: int) -> None:
        self._ansible = ansible
        self._device = device
        self._scores = {f"bench{number:03}": -number for number in range(1, count + 1)}
        self.seen: dict[str, Seen] = {}
        self._sh(SETUP)

    def one_call(self) -> Mapping[str, float]:
        return self._turn("one call", ONE_CALL)

    def loops(self) -> Mapping[str, float]:
        return self._turn("loops", LOOPS)

    def _turn(self, way: str, play: Play) -> Mapping[str, float]:
        """The seconds of both phases, from a device without scores."""
        self._sh(RESET)
        seconds = {}
        for phase, changes in PHASES.items():
            self._sh(f": > {CALLS}")
            seconds[phase] = timed(lambda: self._play(play), changes=changes)
            self.seen[f"{way}, {phase}"] = self._look()
        return seconds

    def _play(self, play: Play) -> Run:
        services = [{"name": name, "oom_score_adj": score} for name, score in self._scores.items()]
        return self._ansible.playbook(play, [self._device], variables={"services": services}, timeout=7200)

    def _look(self) -> Seen:
        calls = Counter(line.split()[0] for line in self._sh(f"cat {CALLS}").splitlines())
        found = [int(score) for score in self._sh(SCORES).split()]
        wanted, count = list(self._scores.values()), len(self._scores)
        loaded, running = (sum(map(operator.eq, wanted, half)) for half in (found[:count], found[count:]))
        return Seen(calls, loaded, running)

    def _sh(self, script: str) -> str:
        return self._device.ssh("sh -e -s", stdin=f"NAMES='{' '.join(self._scores)}'\n{script}", timeout=600).stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", type=int, default=200, help="how many (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each side (default: %(default)s)")
    chosen = parser.parse_args()
    with Lab() as lab:
        device = lab.up("bench", memory="768M")
        bench = Bench(Ansible(lab), device, chosen.services)
        ratios = by_turns(chosen.rounds, bench.one_call, bench.loops)
        print(f"{chosen.services} services, rounds by turns: {chosen.rounds}, median (lowest to highest)")
        print(measured_on(device))
    for phase, ratio in ratios.items():
        print(f"{phase}, whole runs, loops / one call: {ratio}")
    for what, seen in bench.seen.items():
        print(f"{what}: {seen}")


if __name__ == "__main__":
    main()
