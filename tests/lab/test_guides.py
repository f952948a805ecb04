# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command in the README and in the guides, done on two kiosks; and none in them that nobody does."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from release.blocks import CHECKOUT, blocks, follow, plain_environment

from .access import Access
from .runner import Ansible
from .services import METRICS, Service, install
from .uml import Lab, Machine

GUIDES = CHECKOUT / "docs/docsite/rst"
# What is done here, and what it has to print.
DONE_HERE = {
    CHECKOUT / "README.md": ("1. telemetry.service", "killed first if memory ran out now: telemetry.service"),
    GUIDES / "protect_a_fleet.rst": ("drop-in: kiosk-shell.service OOMScoreAdjust = -800", "drift: 4 value(s)"),
    GUIDES / "read_the_report.rst": ('lifeboat_oom_up{host="kiosk-2"} 1', "oom-report/index.html"),
    GUIDES / "never_overcommit.rst": ("ratio_that_passes", "vm.overcommit_memory"),
    GUIDES / "several_controllers.rst": ("from-two", "oom-report/index.html"),
}
# What tests/release does: it begins with nothing installed.
DONE_ELSEWHERE = {GUIDES / "first_audit.rst"}
TOLD_ELSEWHERE = {GUIDES / "run_the_drill.rst", GUIDES / "find_a_leak.rst"}


@pytest.fixture(scope="module")
def kiosks(lab: Lab, ansible: Ansible) -> Iterator[list[Machine]]:
    machines = lab.up_many(["kiosk-1", "kiosk-2"])
    for machine in machines:
        install(machine, (Service("kiosk-shell", 120), Service("telemetry", 24), METRICS))
    yield machines
    for machine in machines:
        machine.down()


@pytest.fixture
def reader(lab: Lab, ansible: Ansible, kiosks: list[Machine], tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of somebody whose ``ssh`` and inventory know the kiosks; nothing is declared on them."""
    programs = tmp_path / "bin"
    programs.mkdir()
    _write_ssh(programs / "ssh", lab.access, kiosks)
    for program in Path(sys.executable).parent.glob("ansible*"):
        (programs / program.name).symlink_to(program)
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory/lab.json").write_text(lab.inventory(kiosks))
    yield {
        **plain_environment(programs, tmp_path),
        "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / "collections"),
        "ANSIBLE_LOCALHOST_WARNING": "0",
    }
    gone = ansible.playbook(
        "lifeboat.oom.rollback", kiosks, variables={"oom_audit_report_dir": str(tmp_path / "after")}
    )
    assert gone.returncode == 0, gone.stdout


def _write_ssh(path: Path, access: Access, machines: list[Machine]) -> None:
    """An ssh that knows the machines by name; what Ansible asks of it has a -F of its own, and that one wins."""
    names = "".join(f"s/@{machine.name}$/@{machine.address}/;" for machine in machines)
    path.write_text(
        "#!/bin/bash\n"
        'for word in "$@"; do [ "$word" != -F ] || exec /usr/bin/ssh "$@"; done\n'
        f'host=$(echo "$1" | sed {shlex.quote(names)}); shift\n'
        f'exec /usr/bin/ssh -F {shlex.quote(str(access.config))} "$host" "$@"\n'
    )
    path.chmod(0o755)


@pytest.mark.parametrize("guide", DONE_HERE, ids=lambda guide: guide.stem)
def test_its_commands_do_what_it_says(guide: Path, reader: dict[str, str], tmp_path: Path) -> None:
    printed = "".join(follow(guide, tmp_path, reader))
    for expected in DONE_HERE[guide]:
        assert expected in printed, printed


def test_there_is_no_other_command_in_the_documentation() -> None:
    """A guide with commands is done here or there; a block that is not run says where it is."""
    told = {path for path in GUIDES.glob("*.rst") if any(block.is_run for block in blocks(path))}
    measured = {GUIDES / "measured.rst"}  # minutes to hours, by hand: benchmarks/README.md says so
    assert told - measured == (DONE_HERE.keys() | DONE_ELSEWHERE) - {CHECKOUT / "README.md"}
    left = [
        block
        for path in (*DONE_HERE, *DONE_ELSEWHERE, *TOLD_ELSEWHERE)
        for block in blocks(path)
        if block.said[:8] == "not here"
    ]
    assert [block.said for block in left if ", " not in block.said] == []
    assert len(left) <= 6
