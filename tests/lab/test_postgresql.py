# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real daemon that sets its children's scores itself: a live change must not take that from it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .runner import Ansible
from .uml import Lab, Machine

UNIT = "postgresql@15-main"


@pytest.fixture(scope="module")
def database() -> Iterator[tuple[Ansible, Machine]]:
    with Lab(name="oomlab-postgresql", extra=("postgresql",)) as lab:
        machine = lab.up("database", memory="512M")
        machine.ssh("for _ in $(seq 60); do su postgres -c 'psql -c select' && exit; sleep 0.5; done; exit 1")
        yield Ansible(lab), machine


def scores(machine: Machine) -> tuple[str, set[str]]:
    """The score of the main process, and those of its children."""
    main = machine.ssh(f"systemctl show -P MainPID {UNIT}").stdout.strip()
    children = machine.ssh(f"for p in $(pgrep -P {main}); do cat /proc/$p/oom_score_adj; done").stdout.split()
    assert len(children) >= 4
    return machine.ssh(f"cat /proc/{main}/oom_score_adj").stdout.strip(), set(children)


def test_its_children_keep_the_score_that_it_gave_them(database: tuple[Ansible, Machine]) -> None:
    ansible, machine = database
    assert scores(machine) == ("-900", {"0"}), "this PostgreSQL does not reset its children"
    declared = {"services": [{"name": UNIT, "oom_score_adj": -950}], "max_protected_pct": 90}
    done = ansible.module(machine, "service_oom_score", declared)
    assert done["changed"] and not done["failed"], done
    assert scores(machine) == ("-950", {"0"})
    (entry,) = done["services"]
    assert entry["verdict"] == "self_adjusted" and "(postgres)" in entry["culprit"]
    assert not ansible.module(machine, "service_oom_score", declared)["changed"]
    machine.ssh("su postgres -c 'psql -c select'")

    back = ansible.module(machine, "service_oom_score", {"services": [{"name": UNIT, "state": "absent"}]})
    assert back["changed"] and scores(machine) == ("-900", {"0"})
