# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is the forecast true? Services of random size and score; one of them grows until a real kernel has killed it.

``PYTHONPATH=tests python -m lab.forecast_trial --kills 60`` prints every trial with its numbers, and the totals.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shlex
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count, cycle, groupby, islice
from typing import Any

from .process import LabError
from .runner import Ansible
from .uml import Lab, Machine

NEWCOMER = "a new process with score 0"
MEMORY = "256M"
PACK = "pack.slice"
_HOG_PATH = "/usr/local/lib/lab/hog.py"
# Holds memory, and has helpers of another size and score (as "20:-300"). After SIGUSR1 one grows without end, in one
# go: a program of many pages would be dropped from memory and read again for minutes, and its kernel not kill.
_HOG = r"""
import os, signal, socket, sys
name, mib, helpers = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
def hold(name, mib):
    with open("/proc/self/comm", "w") as comm:
        comm.write(name)
    return b"\1" * (mib << 20)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
done, tell = os.pipe()
for number, helper in enumerate(helpers, 1):
    size, score = map(int, helper.split(":"))
    if not os.fork():
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write(str(score))
        held = [hold(f"{name}-{number}", size)]
        os.write(tell, b".")
        break
else:
    held = [hold(name, mib)]
    for helper in helpers:
        os.read(done, 1)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
signal.sigwait([signal.SIGUSR1])
all_of_it = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
while True:
    held.append(b"\1" * (all_of_it * 9 // 10))
"""
_KILLED = re.compile(r"Killed process (\d+) \((.*?)\)")


@dataclass(frozen=True)
class Hog:
    """A service: size and score of its main process and of its helpers, and properties of its unit."""

    name: str
    parts: tuple[tuple[int, int], ...]
    properties: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        return f"{self.name}.service"

    @property
    def start(self) -> str:
        (mib, score), *helpers = self.parts
        # With KillMode=control-group systemd ends the helpers while the kernel is still killing.
        settings = ["Type=notify", f"OOMScoreAdjust={score}", "OOMPolicy=continue", "KillMode=process"]
        settings += self.properties
        words = ["systemd-run", "--quiet", "--collect", f"--unit={self.name}", *(f"-p{each}" for each in settings)]
        return shlex.join([*words, "python3", _HOG_PATH, self.name, str(mib), *(f"{m}:{s}" for m, s in helpers)])

    def __str__(self) -> str:
        parts = " ".join(f"{mib}M:{score}" for mib, score in self.parts)
        return " ".join([self.name, parts, *(each for each in self.properties if each != f"Slice={PACK}")])


@dataclass(frozen=True)
class Trial:
    """What runs, and which unit grows. I(setting) are shell lines before, I(packed) lines for the slice of some."""

    kind: str
    hogs: tuple[Hog, ...]
    grower: str
    setting: str = ""
    packed: str = ""


@dataclass(frozen=True)
class Verdict:
    """What was foretold for the one that grew, and what the kernel did until that one was dead.

    I(first) are the pids that the first OOM killed, I(order) the units of all that were killed, in order.
    """

    trial: Trial
    growth: Mapping[str, Any]
    foretold: frozenset[int]
    first: frozenset[int]
    order: tuple[str, ...]

    @property
    def hit(self) -> bool:
        return self.first == self.foretold

    @property
    def whole_order_hit(self) -> bool:
        return self.hit and self.order == tuple(self.growth["victims"])

    def __str__(self) -> str:
        words = "hit " if self.whole_order_hit else "hit, then another order" if self.hit else "MISS"
        return (
            f"{words} {self.trial.kind}: {self.growth['grower']} grows; foretold {self.growth['scope']}: "
            f"{', '.join(self.growth['victims'])}; killed: {', '.join(self.order)}; "
            f"{len(self.first)} of {len(self.foretold)} at once; {', '.join(map(str, self.trial.hogs))}"
            f"{' ' + self.trial.packed if self.trial.packed else ''}"
        )


def trials(dice: random.Random) -> Iterator[Trial]:
    """Trials of all kinds by turns, without end."""
    for make in cycle((_everywhere, _own_limit, _slice_limit, _groups, _packed_group, _allocating)):
        yield make(dice)


def _score(dice: random.Random, spread: int) -> int:
    """Within the spread, sometimes one that is never killed. A score of 1000 is worth all of the memory."""
    return -1000 if spread == 1000 and dice.random() < 0.1 else max(dice.randint(-spread, spread), -999)


def _hogs(dice: random.Random, helpers: int = 0, most_mib: int = 120) -> list[Hog]:
    spread = dice.choice((20, 120, 400, 1000))
    sizes = [[dice.randint(1, 50) for _unused in range(1 + dice.randint(0, helpers))] for _unused in range(5)]
    too_much = max(sum(map(sum, sizes)) / most_mib, 1)
    return [
        Hog(f"h{index}", tuple((max(int(mib / too_much), 1), _score(dice, spread)) for mib in parts))
        for index, parts in enumerate(sizes)
    ]


def _one_that_grows(dice: random.Random, hogs: Sequence[Hog]) -> str:
    """Any, or the best protected one of those that can be killed: what nothing ends takes the machine along."""
    mortal = [hog for hog in hogs if hog.parts[0][1] > -1000]
    protected = min(mortal, key=lambda hog: hog.parts[0][1], default=None)
    if protected is None:
        return NEWCOMER
    return protected.unit if dice.random() < 0.5 else dice.choice(mortal).unit


def _everywhere(dice: random.Random) -> Trial:
    hogs = _hogs(dice)
    grower = NEWCOMER if dice.random() < 0.3 else _one_that_grows(dice, hogs)
    return Trial("all memory", tuple(hogs), grower)


def _own_limit(dice: random.Random) -> Trial:
    grower, *others = _hogs(dice, 2, 70)
    limit = sum(mib + 6 for mib, _unused in grower.parts) + dice.randint(4, 30)
    score = max(grower.parts[0][1], -999)
    parts = ((grower.parts[0][0], score), *grower.parts[1:])
    grower = replace(grower, parts=parts, properties=(f"MemoryMax={limit}M",))
    return Trial("limit of the unit", (grower, *others), grower.unit)


def _slice_limit(dice: random.Random) -> Trial:
    hogs = _hogs(dice, 1, 70)
    inside = [replace(hog, properties=(f"Slice={PACK}",)) for hog in hogs[:3]]
    limit = sum(mib + 6 for hog in inside for mib, _unused in hog.parts) + dice.randint(4, 30)
    packed = f"systemctl set-property --runtime {PACK} MemoryMax={limit}M"
    return Trial("limit of the slice", (*inside, *hogs[3:]), _one_that_grows(dice, inside), packed=packed)


def _groups(dice: random.Random) -> Trial:
    hogs = [replace(hog, properties=("OOMPolicy=kill",) * dice.randint(0, 1)) for hog in _hogs(dice, 2, 90)]
    return Trial("groups", tuple(hogs), _one_that_grows(dice, hogs))


def _packed_group(dice: random.Random) -> Trial:
    trial = _slice_limit(dice)
    packed = f"{trial.packed}; echo 1 > /sys/fs/cgroup/{PACK}/memory.oom.group"
    return replace(trial, kind="group in a limit", packed=packed)


def _allocating(dice: random.Random) -> Trial:
    hogs = _hogs(dice)
    setting = "sysctl -qw vm.oom_kill_allocating_task=1"
    return Trial("the one that asks", tuple(hogs), _one_that_grows(dice, hogs), setting)


def prepare(machine: Machine) -> None:
    machine.ssh(f"mkdir -p {os.path.dirname(_HOG_PATH)}; cat > {_HOG_PATH}", stdin=_HOG)


def foretell(ansible: Ansible, machine: Machine, trial: Trial) -> tuple[dict[str, Any], dict[int, str]]:
    """Start the hogs and look: the forecast for the one that will grow, and the units of all processes."""
    machine.ssh("\n".join([trial.setting or "true", *(hog.start for hog in trial.hogs)]), timeout=180)
    machine.ssh(trial.packed or "true")
    units = [] if trial.grower == NEWCOMER else [trial.grower]
    looked = ansible.module(machine, "memory_facts", {"gather_subset": ["!events"], "units": units})
    if looked["failed"]:
        raise LabError(str(looked))
    facts = looked["ansible_facts"]["memory_health"]
    growth = next(each for each in facts["forecast"] if each["grower"] == trial.grower)
    return growth, {each["pid"]: each["unit"] or each["comm"] for each in facts["processes"]}


def grow(machine: Machine, growth: Mapping[str, Any]) -> int:
    """Let it begin; the pid of who grows."""
    pid: int | None = growth["pid"]
    if pid is None:
        machine.ssh(Hog("newcomer", ((0, 0),)).start)
        pid = int(machine.ssh("systemctl show -P MainPID newcomer").stdout)
    machine.ssh(f"kill -USR1 {pid}")
    return pid


def run(ansible: Ansible, machine: Machine, trial: Trial) -> Verdict:
    """Start the hogs, ask for the forecast, let one grow; clean up."""
    growth, names = foretell(ansible, machine, trial)
    seen = len(machine.console(None))
    pid = grow(machine, growth)
    names[pid] = trial.grower
    kills = _kills_until_dead(machine, seen, pid)
    clean_up(machine, trial)
    killed = [names.get(each, name) for each, name in dict.fromkeys(chain.from_iterable(kills))]
    return Verdict(
        trial=trial,
        growth=growth,
        foretold=frozenset(growth["first_pids"] or [pid]),
        first=frozenset(each for each, _unused in kills[0]),
        order=tuple(name for name, _unused in groupby(killed)),
    )


def _kills_until_dead(machine: Machine, seen: int, pid: int, timeout: float = 240) -> list[list[tuple[int, str]]]:
    """Pid and name of all that is killed, for each OOM by itself, until the process with this pid is."""
    deadline = time.monotonic() + timeout
    while not any(pid in dict(chunk) for chunk in _kills(machine, seen)):
        if time.monotonic() > deadline or not machine.alive:
            raise LabError(f"{machine.name}: pid {pid} was not killed in {timeout:g} s:\n{machine.console(80)}")
        time.sleep(0.2)
    machine.wait_for_ssh()
    machine.ssh("sleep 1")  # what the kernel still has to say of a group
    kills = _kills(machine, seen)
    last = next(number for number, chunk in enumerate(kills) if pid in dict(chunk))
    # Of those that are killed together the grower counts as the last.
    return [sorted(chunk, key=lambda one: one[0] == pid) for chunk in kills[: last + 1]]


def _kills(machine: Machine, seen: int) -> list[list[tuple[int, str]]]:
    """From the console, which needs no memory of the machine."""
    reports = machine.console(None)[seen:].split(" invoked oom-killer: ")[1:]
    kills = ([(int(pid), name) for pid, name in _KILLED.findall(report)] for report in reports)
    return [chunk for chunk in kills if chunk]


def clean_up(machine: Machine, trial: Trial) -> None:
    units = " ".join([*(hog.unit for hog in trial.hogs), "newcomer.service"])
    machine.ssh(
        f"systemctl stop {units} 2>&1; pkill -KILL -f {_HOG_PATH}; systemctl stop {PACK};"
        f"systemctl revert {PACK}; systemctl reset-failed;"
        "sysctl -qw vm.oom_kill_allocating_task=0; systemctl start systemd-journald systemd-logind dbus",
        check=False,
        timeout=120,
    )


def run_many(lab: Lab, dice: random.Random, kills: int, swap: str | None) -> Iterator[Verdict]:
    """Trials one after the other on a machine, and on a fresh one where the kernel has left it unusable."""
    ansible, numbers, made, machine = Ansible(lab), count(1), trials(dice), None
    for trial in islice(made, kills):
        if machine is None:
            machine = lab.up(f"trial{next(numbers)}", memory=MEMORY, swap=swap)
            prepare(machine)
        try:
            yield run(ansible, machine, trial)
        except LabError as error:
            print(f"NOT DONE {error}", flush=True)
            machine.down()
            machine = None


def totals(verdicts: Sequence[Verdict]) -> Iterator[str]:
    kinds = {verdict.trial.kind for verdict in verdicts}
    for kind in [*sorted(kinds), "all"]:
        found = [verdict for verdict in verdicts if kind in (verdict.trial.kind, "all")]
        hits = sum(verdict.hit for verdict in found)
        orders = sum(verdict.whole_order_hit for verdict in found)
        others = sum(verdict.order[0] != verdict.trial.grower for verdict in found)
        yield (
            f"{kind}: who dies first was named {hits} of {len(found)} times ({others} times it was not the one that "
            f"grew), all who die in their order {orders} times"
        )


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=60, help="how many trials (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers (default: %(default)s)")
    parser.add_argument("--suite", help="of the devices, as bullseye (default: the lab's)")
    parser.add_argument("--kernel", help="of the devices, as 5.10 (default: the lab's)")
    parser.add_argument("--swap", help="size of a swap disk, as 64M (default: none)")
    chosen = parser.parse_args(words)
    verdicts: list[Verdict] = []
    kind = {key: value for key, value in (("suite", chosen.suite), ("kernel", chosen.kernel)) if value}
    with Lab(**kind) as lab:
        for verdict in run_many(lab, random.Random(chosen.seed), chosen.kills, chosen.swap):
            verdicts.append(verdict)
            print(f"{len(verdicts)}. {verdict}", flush=True)
    print("\n".join(totals(verdicts)))
    return 0 if verdicts and all(verdict.hit for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
