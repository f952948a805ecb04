# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The question that everything here is for: memory runs out for real; does the vital service live, and did the
audit say beforehand who would die? ``make proof`` tells the story on a fresh device, first without the
collection and then with it."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .runner import Ansible
from .services import VITAL, answers, install, provoke_oom, victims
from .uml import Lab, Machine

PROTECTED = {"oom_protect_services": [{"name": "vital", "oom_score_adj": -900}]}
# The name under which the forecast has what does not run yet.
NEWCOMER = "a new process with score 0"
LEAK = "leak"


@dataclass(frozen=True)
class Story:
    """One run out of memory.

    I(foretold) is whom the audit named to die first if something new grows without end; I(killed) are the
    names that the kernel's own report has, in order; I(reported) the units in the findings of the audit after.
    """

    foretold: str
    killed: tuple[str, ...]
    vital_kept_its_pid: bool
    vital_answers: bool
    ssh_answers: bool
    reported: tuple[str, ...]
    finding_ids: tuple[str, ...]

    @property
    def forecast_was_right(self) -> bool:
        names = {NEWCOMER: LEAK}
        return names.get(self.foretold, self.foretold.removesuffix(".service")) == self.killed[0]


def audit(ansible: Ansible, device: Machine, variables: Mapping[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="proof-") as folder:
        run = ansible.playbook("lifeboat.oom.audit", [device], variables={**variables, "oom_audit_report_dir": folder})
        if run.returncode:
            raise RuntimeError(run.stdout + run.stderr)
        record: dict[str, Any] = json.loads((Path(folder) / "hosts" / f"{device.name}.json").read_text())
    return record


def run_out_of_memory(ansible: Ansible, device: Machine, variables: Mapping[str, Any]) -> Story:
    """Audit, leak until the kernel kills, audit again. The services have to be installed."""
    forecast = audit(ansible, device, variables)["outlook"]["forecast"]
    foretold = next(growth["victims"][0] for growth in forecast if growth["grower"] == NEWCOMER)
    pid = main_pid(device, "vital")
    killed = tuple(victims(provoke_oom(device)))
    findings = [found for found in audit(ansible, device, variables)["findings"] if found["id"].startswith("oom.")]
    return Story(
        foretold=foretold,
        killed=killed,
        vital_kept_its_pid=main_pid(device, "vital") == pid,
        vital_answers=answers(device, VITAL),
        ssh_answers=device.ssh("echo here", check=False).stdout == "here\n",
        reported=tuple(found["subject"] for found in findings),
        finding_ids=tuple(found["id"] for found in findings),
    )


def main_pid(device: Machine, unit: str) -> str:
    return device.ssh(f"systemctl show -P MainPID {unit}").stdout.strip()


def unprotected(ansible: Ansible, device: Machine, variables: Mapping[str, Any] | None = None) -> Story:
    install(device)
    return run_out_of_memory(ansible, device, variables or {})


def protected(ansible: Ansible, device: Machine) -> Story:
    install(device)
    run = ansible.playbook("lifeboat.oom.site", [device], variables=PROTECTED)
    if run.returncode:
        raise RuntimeError(run.stdout + run.stderr)
    return run_out_of_memory(ansible, device, PROTECTED)


def _tell(title: str, story: Story, say: Callable[[str], None]) -> None:
    say(title)
    say(f"  the audit named to die first:  {story.foretold}")
    say(f"  the kernel killed:             {', '.join(story.killed)}")
    say(f"  vital kept its pid / answers:  {story.vital_kept_its_pid} / {story.vital_answers}")
    say(f"  ssh answers:                   {story.ssh_answers}")
    say(f"  the audit afterwards reports:  {', '.join(story.reported)} ({', '.join(story.finding_ids)})")


def main(_arguments: Sequence[str]) -> int:
    with Lab() as lab:
        ansible = Ansible(lab)
        before, after = lab.up_many(["before", "after"])
        first = unprotected(ansible, before)
        _tell("Without the collection", first, print)
        second = protected(ansible, after)
        _tell("With vital declared at -900", second, print)
    right = first.forecast_was_right and second.forecast_was_right and second.vital_kept_its_pid
    print("the forecast was right both times, and vital lived" if right else "NOT as it should be")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
