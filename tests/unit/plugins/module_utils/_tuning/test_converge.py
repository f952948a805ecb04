# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from unit.fake_host import SHOW, FakeKernel
from unit.samples import RUNTIME, policy_of

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, LifeboatError
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.checks import SYSCTL_FILE
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.families import FAMILIES, load_policy
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.file_syntax import proc_path
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.keys import DUMP_TASKS, MODE, RATIO
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.own_file import own_values
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.converge import converge
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.family_module import converge_declared

OVERCOMMIT = {"mode": "always", "ratio": 80}
REACTION = {"dump_tasks": False}
NGINX = [{"name": "nginx", "oom_score_adj": -500}]
MEMINFO = "MemTotal: 4000000 kB\nMemFree: 1000000 kB\nMemAvailable: 2000000 kB\nCommitted_AS: 1600000 kB\n"


@pytest.fixture
def busybox(tmp_path: Path) -> FakeKernel:
    """A host without systemd."""
    found = FakeKernel(tmp_path)
    found.runs_with(RUNTIME)
    found.has("/proc/meminfo", MEMINFO)
    found.has("/proc/sys/kernel/osrelease", "6.1.0\n")
    found.has_folder("/etc/sysctl.d")
    found.has("/sbin/sysctl", "")
    return found


@pytest.fixture
def host(busybox: FakeKernel) -> FakeKernel:
    """A host with systemd, whose only unit is not there."""
    busybox.has_folder("/run/systemd/system")
    busybox.has("/proc/self/status", "CapEff:\t000001ffffffffff\n")
    busybox.has("/proc/1/oom_score_adj", "0\n")
    busybox.commands = {
        "systemctl --version": "systemd 252\n",
        "systemctl show --property=DefaultOOMScoreAdjust": "DefaultOOMScoreAdjust=0\n",
        SHOW: "Id=nginx.service\nNames=nginx.service\nLoadState=not-found\nActiveState=inactive\n\n",
    }
    return busybox


@pytest.mark.parametrize("check_mode", [True, False], ids=["check", "real"])
@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"overcommit": OVERCOMMIT, "reaction": {"panic_on_oom": "global"}}, "panic_on_oom would stop the kernel"),
        ({"overcommit": OVERCOMMIT, "services": NGINX}, "nginx.service is not installed"),
        (
            {"overcommit": {"mode": "never", "ratio": 1}, "reaction": REACTION},
            "overcommit mode never would leave",
        ),
    ],
    ids=["a guard of the second", "a missing unit", "a guard of the first"],
)
def test_what_can_be_foreseen_is_refused_before_anything_is_written(
    host: FakeKernel, declared: dict[str, Any], message: str, check_mode: bool
) -> None:
    before = host.everything()
    with pytest.raises(LifeboatError, match=message):
        converge(host, policy_of(**declared), check_mode)
    assert host.everything() == before


@pytest.mark.parametrize("check_mode", [True, False], ids=["check", "real"])
def test_services_of_a_host_without_systemd_are_refused_with_all_else(busybox: FakeKernel, check_mode: bool) -> None:
    before = busybox.everything()
    with pytest.raises(LifeboatError, match="not booted with systemd"):
        converge(busybox, policy_of(OVERCOMMIT, None, NGINX), check_mode)
    assert busybox.everything() == before


def test_check_mode_promises_what_is_done_and_then_nothing_differs(host: FakeKernel) -> None:
    host.has("/etc/sysctl.d/99-zzz.conf", f"{MODE}=0\n{DUMP_TASKS}=1\n")
    override = {"on_conflict": "override"}
    policy = policy_of({**OVERCOMMIT, **override}, {**REACTION, **override})
    promised = converge(host, policy, True)
    assert converge(host, policy, False) == promised
    assert [each["changed"] for each in promised.values()] == [True, True]
    assert not any(each["changed"] for each in converge(host, policy, False).values())
    assert own_values(host.read(SYSCTL_FILE), (MODE, RATIO, DUMP_TASKS)) == {MODE: "1", RATIO: "80", DUMP_TASKS: "0"}


def test_all_can_be_taken_back_also_without_systemd(busybox: FakeKernel) -> None:
    before = busybox.everything()
    converge(busybox, policy_of(OVERCOMMIT, REACTION), False)
    nothing = load_policy({name: family.absent({}) for name, family in FAMILIES.items()})
    promised = converge(busybox, nothing, True)
    assert converge(busybox, nothing, False) == promised
    assert promised.keys() == FAMILIES.keys()
    assert busybox.everything() == before
    assert not any(each["changed"] for each in converge(busybox, nothing, False).values())


def test_where_a_later_family_fails_it_is_said_what_stands(host: FakeKernel) -> None:
    path = proc_path(DUMP_TASKS)
    host.failing["put", path] = HostError(f"cannot write {path}", path)
    with pytest.raises(HostError, match=rf"^cannot write {path}; what was converged before stands: overcommit$"):
        converge(host, policy_of(OVERCOMMIT, REACTION), False)
    assert own_values(host.read(SYSCTL_FILE), (MODE, DUMP_TASKS)) == {MODE: "1"}
    host.failing["put", path] = HostError(f"cannot write {path}", path)
    with pytest.raises(HostError, match=rf"^cannot write {path}$"):
        converge(host, policy_of(OVERCOMMIT, REACTION), False)


def test_the_result_of_all_is_that_of_each_and_what_they_have_in_common(host: FakeKernel) -> None:
    params = {"declared": {"overcommit": OVERCOMMIT, "reaction": {**REACTION, "on_conflict": "warn"}}}
    host.has("/etc/sysctl.d/99-zzz.conf", f"{DUMP_TASKS}=1\n")
    result = converge_declared(host, params, True)
    assert result["changed"] and "failed" not in result
    assert [change["key"] for change in result["plan"]] == [RATIO, MODE, RATIO, MODE, DUMP_TASKS, DUMP_TASKS]
    assert [each["after_header"] for each in result["diff"]] == ["sysctl", SYSCTL_FILE] * 2
    assert len(result["warnings"]) == 1 and DUMP_TASKS in result["warnings"][0]
    assert result["families"]["overcommit"]["settings"][MODE]["declared"] == "1"
    assert not result["families"]["reaction"].keys() & {"diff", "warnings"}


def test_nothing_declared_is_nothing_done(host: FakeKernel) -> None:
    result = converge_declared(host, {"declared": {}}, False)
    assert result == {"changed": False, "families": {}, "plan": [], "diff": [], "warnings": []}
