# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from unit.samples import declared, host_state, memory, service, services_state, sysctls

from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.service import DeclaredUnit
from ansible_collections.lifeboat.oom.plugins.plugin_utils._drift import find_drift, load_policy
from ansible_collections.lifeboat.oom.plugins.plugin_utils._findings import SEVERITIES, Finding, find, victim_names

VICTIM = {"comm": "nginx", "pid": 5}
NGINX = [{"name": "nginx", "oom_score_adj": -500}]
ABSENT = [{"name": "nginx", "state": "absent"}]


def findings(services: list[dict[str, Any]] | None = None, **changes: Any) -> tuple[Finding, ...]:
    policy = load_policy(changes.pop("overcommit", None), None, services or [])
    changes.setdefault("declared", services_state(declared(service())) if services else services_state())
    state = host_state(**changes)
    return find(state, policy, find_drift(state, policy))


def ids(found: tuple[Finding, ...]) -> list[str]:
    return [finding.id for finding in found]


def kill(unit: str | None, **changes: Any) -> dict[str, Any]:
    return {"kind": "kill", "unit": unit, "timestamp": "2026-05-04T03:02:01", "victims": [VICTIM], **changes}


def test_a_healthy_host_has_no_findings() -> None:
    assert findings() == ()


def test_a_finding_is_json_with_all_its_fields() -> None:
    (finding,) = findings(events=(kill("cron.service"),))
    assert finding.as_dict() == {
        "id": "oom.recent_kill",
        "severity": "warning",
        "subject": "cron.service",
        "observed": "killed 2026-05-04T03:02:01: cron.service: nginx (pid 5)",
        "expected": "no OOM kill",
        "message": "the kernel ran out of memory and killed a process",
        "remedy": finding.remedy,
    }
    assert finding.remedy


@pytest.mark.parametrize(
    ("event", "names"),
    [
        (kill("a.service"), "a.service: nginx (pid 5)"),
        (kill(None), "nginx (pid 5)"),
        (kill("", victims=[VICTIM, {"comm": "x\n<b>", "pid": 6}]), "nginx (pid 5), x\n<b> (pid 6)"),
        (kill("a.service", victims=[]), "a.service: "),
        ({}, ""),
        ({"victims": [{}]}, "None (pid None)"),
    ],
    ids=["of a unit", "of none", "several", "not told", "empty", "nothing known"],
)
def test_who_died_is_named(event: dict[str, Any], names: str) -> None:
    assert victim_names(event) == names


@pytest.mark.parametrize(
    ("services", "event", "severity"),
    [
        (NGINX, kill("nginx.service"), "critical"),
        (NGINX, kill("cron.service"), "warning"),
        ([{"name": "nginx", "oom_score_adj": 500}], kill("nginx.service"), "warning"),
        ([{"name": "nginx", "oom_score_adj": 0}], kill("nginx.service"), "warning"),
        (ABSENT, kill("nginx.service"), "warning"),
        (NGINX, kill(None), "warning"),
        (NGINX, kill("nginx.service", timestamp=None), "critical"),
    ],
    ids=["protected", "another", "may die first", "not protected", "absent", "of no unit", "no time"],
)
def test_a_kill_is_worse_where_it_took_a_protected_service(
    services: list[dict[str, Any]], event: dict[str, Any], severity: str
) -> None:
    kills = [finding for finding in findings(services, events=(event,)) if finding.id.startswith("oom.")]
    assert [finding.severity for finding in kills] == [severity]
    assert [finding.id == "oom.protected_service_killed" for finding in kills] == [severity == "critical"]


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("www.service", declared(service(names=("nginx.service", "www.service")))),
        ("app@.service", declared(service("app@one.service", owner="app@.service"), name="app@.service")),
    ],
    ids=["declared under an alias", "declared as a template"],
)
def test_a_protected_service_is_known_by_all_of_its_names(name: str, unit: DeclaredUnit) -> None:
    """The log names the unit as its cgroup does: ssh.service where sshd.service was declared."""
    entry = services_state(unit.__class__(**{**vars(unit), "name": name}))
    killed = kill(unit.states[0].unit.id)
    found = findings([{"name": name, "oom_score_adj": -500}], declared=entry, events=(killed,))
    assert "oom.protected_service_killed" in ids(found)


@pytest.mark.parametrize("kind", ["incomplete", "", None])
def test_what_is_no_kill_is_no_finding_of_one(kind: str | None) -> None:
    assert findings(events=(kill("nginx.service", kind=kind),)) == ()


def test_a_panic_is_not_passed_over() -> None:
    """The kernel stopped instead of killing: worse than a kill."""
    found = findings(events=(kill(None, kind="panic", victims=[]),))
    assert [finding.severity for finding in found] == ["critical"]


def test_a_host_that_promises_no_more_is_told_before_it_fails() -> None:
    never = {"vm.overcommit_memory": "2", "vm.overcommit_ratio": "20"}
    (finding,) = findings(sysctls=sysctls(runtime=never))
    assert (finding.id, finding.severity) == ("commit.headroom_low", "critical")
    assert finding.observed == "141808 KiB (7.9 %) of 1800000 KiB can still be promised"
    assert "22" in finding.remedy
    assert findings(sysctls=sysctls(runtime={**never, "vm.overcommit_ratio": "22"})) == ()
    assert findings(sysctls=sysctls(runtime={**never, "vm.overcommit_memory": "0"})) == ()


def test_headroom_is_not_judged_where_the_sysctls_could_not_be_read() -> None:
    assert findings(sysctls=None, memory=memory(committed_kib=9_000_000)) == ()


@pytest.mark.parametrize(
    "changes",
    [{"total_kib": 1000, "hugetlb_kib": 1000}, {"committed_kib": 9_000_000}],
    ids=["no ratio passes", "above 100"],
)
def test_a_remedy_names_only_what_helps(changes: dict[str, Any]) -> None:
    never = sysctls(runtime={"vm.overcommit_memory": "2"})
    (finding,) = findings(sysctls=never, memory=memory(**changes))
    assert "None" not in finding.remedy
    assert "ratio to 2" not in finding.remedy


def test_a_service_that_differs_is_a_warning_that_names_the_culprit() -> None:
    (finding,) = findings(NGINX)
    own = "/etc/systemd/system/nginx.service.d/zz-lifeboat-oom.conf"
    assert (finding.id, finding.severity, finding.subject) == ("score.missing", "warning", "nginx.service")
    assert finding.observed == f"missing ({own})"
    assert finding.expected == "OOMScoreAdjust=-500 in every layer"


def test_a_service_that_shall_have_nothing_says_so() -> None:
    own = "/etc/systemd/system/nginx.service.d/zz-lifeboat-oom.conf"
    left = service(dropins={own: declared(service()).text_for({"OOMScoreAdjust": "-500"})})
    (finding,) = findings(ABSENT, declared=services_state(declared(left)))
    assert finding.subject == "nginx.service"
    assert finding.expected.strip() not in ("", "in every layer")


def test_a_service_that_shall_have_nothing_and_is_not_there_is_no_finding() -> None:
    assert findings(ABSENT, declared=services_state(declared(load_state="not-found"))) == ()


def test_what_could_not_be_compared_is_a_warning() -> None:
    (finding,) = findings(NGINX, declared=None)
    assert (finding.id, finding.severity, finding.subject) == ("audit.not_compared", "warning", "services")


def test_the_worst_comes_first() -> None:
    never = sysctls(runtime={"vm.overcommit_memory": "2", "vm.overcommit_ratio": "20"})
    found = findings(NGINX, sysctls=never, events=(kill("cron.service"), kill("nginx.service")))
    ranks = [SEVERITIES.index(finding.severity) for finding in found]
    assert ranks == sorted(ranks, reverse=True)
    assert sorted(ids(found)) == [
        *["commit.headroom_low", "oom.protected_service_killed", "oom.recent_kill", "score.missing"],
    ]


@pytest.mark.parametrize(
    "event",
    [{"kind": "kill", "victims": None}, {"kind": "kill", "victims": ["nginx"]}, {"kind": "kill", "unit": 5}],
    ids=["no victims", "victims without fields", "number for a unit"],
)
def test_an_event_of_another_shape_does_not_cost_the_audit(event: dict[str, Any]) -> None:
    assert ids(findings(events=(event,))) == ["oom.recent_kill"]
