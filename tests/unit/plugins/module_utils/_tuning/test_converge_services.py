# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that ends, or whose pid another one gets, between the look and the write: no crash, no wrong write."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from unit.fake_host import SHOW, FakeKernel
from unit.samples import LEADER, service

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Finished
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, Refused
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.process import parse_cgroup, parse_stat
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.services import SERVICES
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.seen_scores import SEEN_FILE
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.service import RunningScore, ServiceState
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.converge_services import converge_services, set_score


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


def seen(pid: int) -> tuple[ServiceState, RunningScore]:
    """The process and its unit as a look finds them."""
    start_ticks = parse_stat(Path(f"/proc/{pid}/stat").read_text()).start_ticks
    cgroup = parse_cgroup(Path(f"/proc/{pid}/cgroup").read_text()) or "/"
    process = replace(LEADER, pid=pid, start_ticks=start_ticks, oom_score_adj=0)
    return service(control_group=cgroup.rstrip("/"), running=(process,)), process


def score(pid: int) -> int:
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


def test_the_process_that_was_meant_gets_the_score(sleeper: subprocess.Popen[bytes]) -> None:
    state, process = seen(sleeper.pid)
    set_score(Host(), state, process, 321)
    assert score(sleeper.pid) == 321


def test_another_process_with_its_pid_does_not(sleeper: subprocess.Popen[bytes]) -> None:
    state, process = seen(sleeper.pid)
    set_score(Host(), state, replace(process, start_ticks=process.start_ticks - 1), 321)
    assert score(sleeper.pid) == 0


def test_a_process_that_has_left_the_unit_does_not(sleeper: subprocess.Popen[bytes]) -> None:
    state, process = seen(sleeper.pid)
    elsewhere = replace(state, unit=replace(state.unit, control_group="/system.slice/other.service"))
    set_score(Host(), elsewhere, process, 321)
    assert score(sleeper.pid) == 0


def test_a_process_that_has_ended_is_no_error(sleeper: subprocess.Popen[bytes]) -> None:
    state, process = seen(sleeper.pid)
    sleeper.kill()
    sleeper.wait()
    set_score(Host(), state, process, 321)


DECLARED = SERVICES.declared(
    {
        "services": [{"name": "nginx", "oom_score_adj": -500}],
        "apply": "none",
        "exclusive": True,
        "max_protected_pct": 50,
        "sensitive_services": {},
        "force": True,
    }
)
OWN = "/etc/systemd/system/nginx.service.d/zz-lifeboat-oom.conf"
SHOWN = (
    "Id=nginx.service\nNames=nginx.service\nLoadState=loaded\nActiveState=active\nMainPID=100\n"
    "FragmentPath=/usr/lib/systemd/system/nginx.service\nControlGroup=/system.slice/nginx.service\nOOMScoreAdjust=0\n"
)


@pytest.fixture
def host(tmp_path: Path) -> FakeKernel:
    found = FakeKernel(
        tmp_path,
        {
            "systemctl --version": "systemd 252 (252.39)\n",
            "systemctl show --property=DefaultOOMScoreAdjust": "DefaultOOMScoreAdjust=0\n",
            SHOW: SHOWN,
            "systemctl daemon-reload": "",
        },
    )
    found.has_folder("/run/systemd/system")
    found.has_folder("/etc/systemd/system")
    found.has("/usr/lib/systemd/system/nginx.service", "[Service]\n")
    found.has("/proc/meminfo", "MemTotal: 1000000 kB\nMemFree: 200000 kB\nMemAvailable: 500000 kB\n")
    found.has("/proc/sys/kernel/osrelease", "6.1.0\n")
    found.has("/proc/self/status", "CapEff:\t000001ffffffffff\n")
    found.has_process(1, comm="systemd", cgroup="0::/init.scope\n")
    found.has_process(100)
    return found


def test_drop_ins_that_systemd_does_not_load_are_taken_back(host: FakeKernel) -> None:
    """They would hold from the next boot, after a run that failed."""
    before, folders = host.everything(), host.names("/etc/systemd/system")
    host.commands["systemctl daemon-reload"] = Finished((), 1, "", "Failed to reload: Connection timed out")
    told = r"^systemctl daemon-reload ended with 1: Failed to reload: .*; the drop-ins are taken back: one that stays "
    with pytest.raises(HostError, match=told):
        converge_services(host, DECLARED, False)
    assert (host.everything(), host.names("/etc/systemd/system")) == (before, folders)


def test_what_a_killed_run_has_left_goes_with_the_next_one(host: FakeKernel) -> None:
    left = "/etc/systemd/system/old.service.d/.lifeboat-0123456789ab"
    host.has(left)
    assert not any(left in warning for warning in converge_services(host, DECLARED, True)["warnings"])
    assert host.exists(left)
    assert converge_services(host, DECLARED, False)["warnings"][0].startswith(f"{left} was left by a run")
    assert not host.exists("/etc/systemd/system/old.service.d")


def test_what_runs_with_its_score_is_noted_until_the_next_boot(host: FakeKernel) -> None:
    live = replace(DECLARED, options={**DECLARED.options, "apply": "live", "exclusive": False})
    host.has(SEEN_FILE, "other.service 9 9 1\n")
    converge_services(host, live, True)
    assert host.read(SEEN_FILE) == "other.service 9 9 1\n"
    converge_services(host, live, False)
    assert host.read(SEEN_FILE) == "nginx.service 100 5100 0\nother.service 9 9 1\n"
    converge_services(host, replace(live, services=()), False)
    assert host.read(SEEN_FILE) == "nginx.service 100 5100 0\nother.service 9 9 1\n"
    converge_services(host, DECLARED, False)
    assert not host.exists(SEEN_FILE)


def test_a_note_that_cannot_be_kept_is_a_warning(host: FakeKernel) -> None:
    live = replace(DECLARED, options={**DECLARED.options, "apply": "live"})
    host.failing["write", SEEN_FILE] = HostError(f"cannot write {SEEN_FILE}: Read-only file system", SEEN_FILE)
    said = converge_services(host, live, False)["warnings"][-1]
    assert said.startswith(f"cannot write {SEEN_FILE}: Read-only file system; what others do to a score ")


def test_what_starts_the_programs_of_others_is_refused_even_where_it_is_in_force(host: FakeKernel) -> None:
    host.has("/proc/100/stat", Path(host.root, "proc/100/stat").read_text().replace("nginx", "crond"))
    force = replace(DECLARED, options={**DECLARED.options, "exclusive": False})
    converge_services(host, force, False)
    host.commands[SHOW] = SHOWN.replace("Adjust=0", "Adjust=-500").replace(
        "FragmentPath", f"DropInPaths={OWN}\nFragmentPath"
    )
    host.has("/proc/100/oom_score_adj", "-500\n")
    assert not converge_services(host, force, False)["changed"]
    with pytest.raises(Refused, match=r"^nginx\.service would have score -500, which every job inherits"):
        converge_services(host, replace(force, options={**force.options, "force": False}), False)
