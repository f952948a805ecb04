# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real daemons that set scores, their own or their children's: no run fights them, and sshd passes ours on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .runner import Ansible
from .services import kernel_log, victims
from .uml import Lab, Machine

MODULE = "service_oom_score"
DATABASE = "postgresql@15-main"
REDIS = "redis-server"
SSH = {"name": "ssh", "oom_score_adj": -900}


@pytest.fixture(scope="module")
def daemons() -> Iterator[tuple[Ansible, Machine]]:
    with Lab(name="oomlab-own-scores", extra=("libpam-systemd", "postgresql", "redis-server")) as lab:
        machine = lab.up("daemons", memory="512M")
        machine.ssh("for _ in $(seq 60); do su postgres -c 'psql -c select' && exit; sleep 0.5; done; exit 1")
        yield Ansible(lab), machine


def score(machine: Machine, unit: str) -> str:
    return machine.ssh(f"cat /proc/$(systemctl show -P MainPID {unit})/oom_score_adj").stdout.strip()


def pid(machine: Machine, unit: str) -> str:
    return machine.ssh(f"systemctl show -P MainPID {unit}").stdout.strip()


def database_scores(machine: Machine) -> tuple[str, set[str]]:
    """The score of the main process, and those of its children."""
    children = machine.ssh(f"for p in $(pgrep -P {pid(machine, DATABASE)}); do cat /proc/$p/oom_score_adj; done")
    assert len(children.stdout.split()) >= 4
    return score(machine, DATABASE), set(children.stdout.split())


def audited(
    ansible: Ansible, machine: Machine, folder: Path, service: dict[str, Any], collector: str = "auto"
) -> dict[str, Any]:
    variables = {
        "oom_protect_services": [service],
        "oom_audit_report_dir": str(folder),
        "oom_audit_collector": collector,
    }
    run = ansible.playbook("lifeboat.oom.audit", [machine], variables=variables)
    assert run.returncode == 0, run.stdout
    record: dict[str, Any] = json.loads((folder / "hosts" / f"{machine.name}.json").read_text())
    return record


def test_children_of_a_database_keep_the_score_that_it_gave_them(daemons: tuple[Ansible, Machine]) -> None:
    ansible, machine = daemons
    assert database_scores(machine) == ("-900", {"0"}), "this PostgreSQL does not reset its children"
    declared = {"services": [{"name": DATABASE, "oom_score_adj": -950}], "max_protected_pct": 90}
    done = ansible.module(machine, MODULE, declared)
    assert done["changed"] and not done["failed"], done
    assert database_scores(machine) == ("-950", {"0"})
    (entry,) = done["services"]
    assert entry["verdict"] == "self_adjusted" and "(postgres)" in entry["culprit"]
    assert any("set PG_OOM_ADJUST_VALUE" in str(warning) for warning in done["warnings"])
    assert not ansible.module(machine, MODULE, declared)["changed"]
    machine.ssh("su postgres -c 'psql -c select'")

    back = ansible.module(machine, MODULE, {"services": [{"name": DATABASE, "state": "absent"}]})
    assert back["changed"] and database_scores(machine) == ("-900", {"0"})


@pytest.mark.parametrize("apply", ["live", "restart"])
def test_a_main_process_that_sets_its_own_score_is_not_fought(
    daemons: tuple[Ansible, Machine], tmp_path: Path, apply: str
) -> None:
    """Redis adds its own number to the score that it was started with."""
    ansible, machine = daemons
    machine.ssh("sed -i '/^oom-score-adj/d' /etc/redis/redis.conf")
    machine.ssh("printf 'oom-score-adj yes\\noom-score-adj-values 200 400 800\\n' >> /etc/redis/redis.conf")
    machine.ssh(f"systemctl restart {REDIS}")
    assert score(machine, REDIS) == "200"
    entry = {"name": REDIS, "oom_score_adj": -300}
    declared = {"services": [entry], "apply": apply}
    done = ansible.module(machine, MODULE, declared)
    assert done["changed"] and not done["failed"], done
    assert score(machine, REDIS) == {"live": "-300", "restart": "-100"}[apply]
    machine.ssh(f"systemctl restart {REDIS}")
    before = pid(machine, REDIS)
    for how in ("live", "restart"):
        for check in (True, False):
            again = ansible.module(machine, MODULE, {**declared, "apply": how}, check=check)
            assert not again["changed"] and again["restart_needed"] == [] and not again["failed"], again
            assert again["services"][0]["verdict"] == "self_adjusted"
    assert (pid(machine, REDIS), score(machine, REDIS)) == (before, "-100")

    for collector in ("native", "bare"):
        record = audited(ansible, machine, tmp_path / collector, entry, collector)
        (finding,) = [each for each in record["findings"] if each["subject"] == "redis-server.service"]
        assert (finding["id"], finding["severity"], record["drift"]) == ("score.self_adjusted", "info", [])
        assert finding["remedy"] == "set oom-score-adj and oom-score-adj-values in redis.conf"

    gone = ansible.module(machine, MODULE, {"services": [{"name": REDIS, "state": "absent"}], "apply": apply})
    assert gone["restart_needed"] == ["redis-server.service"]
    assert any("was started with score -300" in str(warning) for warning in gone["warnings"]), gone["warnings"]
    machine.ssh(f"systemctl restart {REDIS}")
    assert score(machine, REDIS) == "200"


def new_login(ansible: Ansible, machine: Machine) -> str:
    """The score that somebody has who logs in now."""
    ansible.lab.hang_up(machine.address)
    return machine.ssh("cat /proc/self/oom_score_adj").stdout.strip()


def test_sshd_gives_to_each_login_what_it_was_started_with(daemons: tuple[Ansible, Machine], tmp_path: Path) -> None:
    ansible, machine = daemons
    assert (score(machine, "ssh"), new_login(ansible, machine)) == ("-1000", "0")
    refused = ansible.module(machine, MODULE, {"services": [SSH]})
    assert refused["failed"] and "which every login session inherits" in refused["msg"]

    forced = {"services": [SSH], "force": True}
    done = ansible.module(machine, MODULE, forced)
    assert done["changed"] and not done["failed"], done
    assert done["services"][0]["verdict"] == "self_adjusted"
    assert (score(machine, "ssh"), new_login(ansible, machine)) == ("-1000", "0")

    machine.ssh("systemctl restart ssh")
    assert (score(machine, "ssh"), new_login(ansible, machine)) == ("-1000", "-900")
    before = pid(machine, "ssh")
    for apply in ("live", "restart"):
        again = ansible.module(machine, MODULE, {**forced, "apply": apply})
        assert (again["changed"], again["restart_needed"], again["failed"]) == (False, [], False), again
    assert pid(machine, "ssh") == before, "sshd was restarted"
    record = audited(ansible, machine, tmp_path, SSH)
    assert record["drift"] == []
    found = [each for each in record["findings"] if each["id"] == "oom.protected_session"]
    assert found and all(each["subject"].startswith("session-") for each in found), record["findings"]
    assert " -900" in found[0]["observed"]

    gone = ansible.module(machine, MODULE, {"services": [], "exclusive": True})
    assert gone["restart_needed"] == ["ssh.service"]
    said = " ".join(map(str, gone["warnings"]))
    assert "ssh.service was started with score -900" in said and "of session-" in said, said
    assert new_login(ansible, machine) == "-900", "the listener has forgotten by itself"
    machine.ssh("systemctl restart ssh")
    assert new_login(ansible, machine) == "0"


def test_what_grows_in_a_login_is_what_dies(daemons: tuple[Ansible, Machine]) -> None:
    """With what the guide declares; with -900 for ssh the kernel killed 28 others first."""
    ansible, machine = daemons
    done = ansible.module(machine, MODULE, {"services": [{"name": DATABASE, "oom_score_adj": -800}]})
    assert not done["failed"], done
    machine.ssh("systemctl restart ssh")
    assert new_login(ansible, machine) == "0"
    logged, failed = kernel_log(machine), machine.ssh("systemctl --failed --plain --no-legend").stdout
    machine.ssh("python3 -", stdin="held = []\nwhile True: held.append(b'x' * (8 << 20))", check=False, timeout=240)
    ansible.lab.hang_up(machine.address)
    assert victims(kernel_log(machine).removeprefix(logged)) == ["python3"]
    assert machine.ssh("systemctl --failed --plain --no-legend").stdout == failed
