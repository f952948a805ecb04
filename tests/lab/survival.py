# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does protection help? The same mixes of services with it and without it; memory runs out; who has lived?

``PYTHONPATH=tests python -m lab.survival --drills 50`` prints every drill, and the table that stands in the README.
The drills are those of the role oom_drill, one after the other on two devices, one of each side.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from typing import Any

from .process import LabError
from .runner import Ansible
from .services import Service, answers, install
from .uml import Lab, Machine

MEMORY = "256M"
NAMES = ("vital", "web", "metrics")
PROTECTED = [{"name": "vital", "oom_score_adj": -900}, {"name": "metrics", "oom_score_adj": 500}]
# Sizes in MiB of the three services. What is left of the device's memory, some 220 MiB, is for what grows.
KINDS = {
    "a large vital service": ((90, 130), (10, 25), (5, 20)),
    "all of a size": ((45, 70), (45, 70), (20, 40)),
    "a small vital service": ((5, 25), (80, 120), (10, 40)),
}
_LEAK = "what grows"


@dataclass(frozen=True)
class Mix:
    """Three services and how much each holds."""

    kind: str
    services: tuple[Service, ...]

    @property
    def vital(self) -> Service:
        return self.services[0]

    def __str__(self) -> str:
        return f"{self.kind}: " + ", ".join(f"{each.name} {each.holds_mib}M" for each in self.services)


@dataclass(frozen=True)
class Drilled:
    """What the drill found; I(result) is C(None) where the device did not come back from it."""

    mix: Mix
    protected: bool
    result: dict[str, Any] | None
    vital_answers: bool = False

    @property
    def vital_lived(self) -> bool:
        fates = self.result["fates"] if self.result else ()
        return self.vital_answers and any(each["name"] == "vital.service" and each["fate"] == "lived" for each in fates)

    @property
    def killed(self) -> list[str]:
        """Names without their suffix, each once."""
        dead = self.result["killed"] if self.result else ()
        names = (each["name"].removesuffix(".service") for each in dead)
        return list(dict.fromkeys(name if not name.startswith("a new process") else _LEAK for name in names))

    def says(self, key: str) -> bool:
        return bool(self.result and self.result[key])

    @property
    def silent_seconds(self) -> float | None:
        return self.result["no_answer"]["longest_seconds"] if self.result else None

    def __str__(self) -> str:
        side = "protected" if self.protected else "as it is"
        if self.result is None:
            return f"{side}; {self.mix}; the device did not come back"
        return (
            f"{side}; {self.mix}; vital {'lived' if self.vital_lived else 'DIED'}; killed: {', '.join(self.killed)}; "
            f"forecast {self.result['inconclusive'] or ('right' if self.says('first_right') else 'WRONG')}"
            f"{'' if self.says('all_right') else ', then otherwise'}; no answer for {self.silent_seconds} s"
        )


def mixes(dice: random.Random) -> Iterator[Mix]:
    """Mixes of all kinds by turns, without end."""
    for kind in cycle(KINDS):
        sizes = [dice.randint(*limits) for limits in KINDS[kind]]
        yield Mix(kind, tuple(Service(name, mib) for name, mib in zip(NAMES, sizes, strict=True)))


def drill(ansible: Ansible, machine: Machine, mix: Mix, protected: bool) -> Drilled:
    """Start the services anew, let the roles do their work, ask the vital service."""
    machine.ssh(f"systemctl stop {' '.join(NAMES)} 2>/dev/null; systemctl reset-failed", check=False)
    install(machine, mix.services)
    roles = ["lifeboat.oom.oom_protect"] * protected + ["lifeboat.oom.oom_drill"]
    tasks = [{"ansible.builtin.import_role": {"name": role}} for role in roles]
    variables = {
        "oom_protect_services": PROTECTED if protected else [],
        "oom_protect_max_protected_pct": 80,  # the largest vital service holds more than half
        "oom_drill_confirm": machine.name,
    }
    run = ansible.playbook([{"hosts": "all", "gather_facts": False, "tasks": tasks}], [machine], variables=variables)
    found = [each for each in run.results if each.task.endswith("Let memory run out")]
    if not found:
        raise LabError(f"no drill took place:\n{run.stdout}{run.stderr}")
    if run.returncode:
        print(run.stdout[-1500:], flush=True)
        return Drilled(mix, protected, None)
    return Drilled(mix, protected, found[0].result, answers(machine, mix.vital))


class _Side:
    """The drills of one side, on one device, and on a fresh one where the last one did not come back."""

    _booting = threading.Lock()

    def __init__(self, lab: Lab, protected: bool) -> None:
        self._lab, self._protected = lab, protected
        self._made = 0
        self._machine: Machine | None = None

    def run(self, every: Sequence[Mix]) -> list[Drilled]:
        return [self._drill(number, mix) for number, mix in enumerate(every, 1)]

    def _drill(self, number: int, mix: Mix) -> Drilled:
        machine = self._machine = self._machine or self._fresh()
        try:
            found = drill(Ansible(self._lab), machine, mix, self._protected)
        except LabError as error:
            print(error, flush=True)
            found = Drilled(mix, self._protected, None)
        if found.result is None:
            machine.down()
            self._machine = None
        print(f"{number}. {found}", flush=True)
        return found

    def _fresh(self) -> Machine:
        self._made += 1
        with self._booting:
            return self._lab.up(f"{'shielded' if self._protected else 'bare'}{self._made}", memory=MEMORY)


def table(drilled: Sequence[Drilled]) -> Iterator[str]:
    """Markdown: one column for each side."""
    sides = [[each for each in drilled if each.protected is protected] for protected in (False, True)]
    yield f"| {len(sides[0])} and {len(sides[1])} drills | as it is | protected |"
    yield "|---|---|---|"
    rows: list[tuple[str, Callable[[Sequence[Drilled]], str]]] = [
        ("the vital service lived", partial(_count, what=lambda one: one.vital_lived)),
        *((f"… {kind}", partial(_count, what=lambda one: one.vital_lived, kind=kind)) for kind in KINDS),
        ("killed first", _first),
        ("killed at all", _all_killed),
        ("the device came back", partial(_count, what=lambda one: one.result is not None)),
        ("the forecast named who died first", partial(_count, what=lambda one: one.says("first_right"))),
        ("… and all the others in their order", partial(_count, what=lambda one: one.says("all_right"))),
        ("longest time without an answer, median and worst", _silence),
    ]
    for label, cell in rows:
        yield f"| {label} | {' | '.join(cell(side) for side in sides)} |"


def _count(side: Sequence[Drilled], what: Callable[[Drilled], bool], kind: str | None = None) -> str:
    those = [one for one in side if kind in (None, one.mix.kind)]
    return f"{sum(map(what, those))} of {len(those)}"


def _first(side: Sequence[Drilled]) -> str:
    return _names(Counter(one.killed[0] for one in side if one.killed))


def _all_killed(side: Sequence[Drilled]) -> str:
    return _names(Counter(name for one in side for name in one.killed))


def _names(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {times}" for name, times in counter.most_common())


def _silence(side: Sequence[Drilled]) -> str:
    seconds = [one.silent_seconds for one in side if one.silent_seconds is not None]
    return f"{statistics.median(seconds):.1f} s, {max(seconds):.1f} s" if seconds else "none"


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--drills", type=int, default=50, help="how many on each side (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers (default: %(default)s)")
    chosen = parser.parse_args(words)
    every = list(islice(mixes(random.Random(chosen.seed)), chosen.drills))
    with Lab() as lab, ThreadPoolExecutor(2) as both:
        sides = [both.submit(_Side(lab, protected).run, every) for protected in (False, True)]
        drilled = [one for side in sides for one in side.result()]
    print("\n".join(table(drilled)))
    return 0 if all(one.vital_lived for one in drilled if one.protected) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
