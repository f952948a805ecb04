# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command in the README and in the guides, done on real devices; and none in them that nobody does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from release.blocks import CHECKOUT, blocks, follow

from .reader import reader
from .runner import Ansible
from .services import METRICS, Service, install
from .uml import Lab, Machine

README = CHECKOUT / "README.md"
GUIDES = CHECKOUT / "docs/docsite/rst"
DRILL = GUIDES / "run_the_drill.rst"
# What is done on two kiosks, and what it has to print.
ON_KIOSKS = {
    README: ("1. telemetry.service", "killed first if memory ran out now: telemetry.service"),
    GUIDES / "protect_a_fleet.rst": ("drop-in: kiosk-shell.service OOMScoreAdjust = -800", "drift: 4 value(s)"),
    GUIDES / "read_the_report.rst": ('lifeboat_oom_up{host="kiosk-2"} 1', "oom-report/index.html"),
    GUIDES / "never_overcommit.rst": ("ratio_that_passes", "vm.overcommit_memory"),
    GUIDES / "several_controllers.rst": ("from-two", "oom-report/index.html"),
}
# What others do: tests/release begins with nothing installed, and test_leak_loop has a service that leaks.
DONE_ELSEWHERE = {GUIDES / "first_audit.rst", GUIDES / "find_a_leak.rst"}


@pytest.fixture(scope="module")
def kiosks(lab: Lab) -> Iterator[list[Machine]]:
    machines = lab.up_many(["kiosk-1", "kiosk-2"])
    for machine in machines:
        install(machine, (Service("kiosk-shell", 120), Service("telemetry", 24), METRICS))
    yield machines
    for machine in machines:
        machine.down()


@pytest.fixture
def environment(lab: Lab, ansible: Ansible, kiosks: list[Machine], tmp_path: Path) -> Iterator[dict[str, str]]:
    """That of a reader who has two kiosks, on which nothing is declared."""
    yield reader(lab, kiosks, tmp_path)
    gone = ansible.playbook(
        "lifeboat.oom.rollback", kiosks, variables={"oom_audit_report_dir": str(tmp_path / "after")}
    )
    assert gone.returncode == 0, gone.stdout


@pytest.mark.parametrize("guide", ON_KIOSKS, ids=lambda guide: guide.stem)
def test_its_commands_do_what_it_says(guide: Path, environment: dict[str, str], tmp_path: Path) -> None:
    printed = follow(guide, tmp_path, environment)
    for expected in ON_KIOSKS[guide]:
        assert expected in printed, printed


def test_the_drill_as_its_guide_tells_it(lab: Lab, tmp_path: Path) -> None:
    device = lab.up("lab-kiosk", memory="256M")
    try:
        printed = follow(DRILL, tmp_path, reader(lab, [device], tmp_path))
        for expected in ("this is lab-kiosk", "killed, in order: a new process with score 0", "the forecast was right"):
            assert expected in printed, printed
    finally:
        device.down()


def test_there_is_no_other_command_in_the_documentation() -> None:
    """A guide with commands is done here or there; a block that is not run says where it is."""
    told = {path for path in GUIDES.glob("*.rst") if any(block.is_run for block in blocks(path))}
    measured = {GUIDES / "measured.rst"}  # minutes to hours, by hand: benchmarks/README.md says so
    assert told - measured == (ON_KIOSKS.keys() | DONE_ELSEWHERE | {DRILL}) - {README}
    left = [block for path in (README, *told) for block in blocks(path) if not block.is_run and block.said]
    assert [block.said for block in left if ", " not in block.said] == []
    assert len(left) <= 4


def test_the_readme_drills_with_the_commands_of_the_guide() -> None:
    assert {block.text for block in blocks(DRILL)} <= {block.text for block in blocks(README)}
