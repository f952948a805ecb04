# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

import pytest
from unit.audits import TREND, declared_policy
from unit.samples import (
    LEADER,
    cgroup,
    declared,
    host_state,
    memory,
    oom_event,
    process,
    service,
    services_state,
    sysctls,
)

from ansible_collections.lifeboat.oom.plugins.module_utils._health.daemons import OomDaemon
from ansible_collections.lifeboat.oom.plugins.module_utils._health.dormant import DormantUnit
from ansible_collections.lifeboat.oom.plugins.module_utils._health.identity import HostInfo
from ansible_collections.lifeboat.oom.plugins.module_utils._health.kernel_log import HostEvent, KernelLog
from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import Unread
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.badness import Candidate
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.cgroups import Cgroup, parse_cgroup_files
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.memory import Counters
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.pressure import Pressure, Pressures, Stall
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import Invoker, Victim
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.refused_commits import RefusedCommit
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.checks import SYSCTL_FILE
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.service import DeclaredUnit
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.history import AuditPoint
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record import SEVERITIES, Finding
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.drift import find_drift
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings import catalogue
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.find import find
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.finding import (
    Evidence,
    Thresholds,
)
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.kills import victim_names
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.service import Cure, ServiceTrend, Upgrade
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.trend import Limits

NOW = datetime.fromisoformat("2026-05-05T00:00:00+00:00")
VICTIM = Victim(5, comm="nginx")
NGINX = [{"name": "nginx", "oom_score_adj": -500}]
USER = "/user.slice/user-1000.slice/user@1000.service"
ABSENT = [{"name": "nginx", "state": "absent"}]


def findings(services: list[dict[str, Any]] | None = None, **changes: Any) -> tuple[Finding, ...]:
    """On a device that is well but for I(changes): those of its state, and those of what is known of it."""
    policy = declared_policy(changes.pop("overcommit", None), services or [])
    known = {name: changes.pop(name) for name in ("thresholds", "before", "trends") if name in changes}
    kill_order = changes.pop("kill_order", order("nginx.service", "nginx"))
    changes.setdefault("declared", services_state(declared(service())) if services else services_state())
    state = host_state(**changes)
    outlook = replace(state.outlook(), kill_order=kill_order)
    return find(Evidence(state, policy, find_drift(state, policy), outlook, now=NOW, **known))


def order(unit: str | None, comm: str = "x") -> tuple[Candidate, ...]:
    return (Candidate(9, comm, unit, 5, 5, 0, 0),)


def before(swap_in_pages: int, seconds_ago: int) -> AuditPoint:
    return AuditPoint(int(NOW.timestamp()) - seconds_ago, True, swap_in_pages=swap_in_pages)


def ids(found: tuple[Finding, ...]) -> list[str]:
    return [finding.id for finding in found]


def kill(unit: str | None, **changes: Any) -> HostEvent:
    return oom_event(unit=unit, **changes)


def test_a_healthy_host_has_no_findings() -> None:
    assert findings() == ()


def test_a_finding_is_json_with_all_its_fields() -> None:
    (finding,) = findings(events=(kill("cron.service"),))
    assert asdict(finding) == {
        "id": "oom.recent_kill",
        "severity": "warning",
        "subject": "cron.service",
        "observed": "killed 2026-05-04T03:02:01: cron.service: nginx (pid 5)",
        "expected": "no OOM kill in 30 days",
        "message": "the kernel killed a process for want of memory",
        "remedy": finding.remedy,
    }
    assert finding.remedy


@pytest.mark.parametrize(
    ("event", "names"),
    [
        (kill("a.service"), "a.service: nginx (pid 5)"),
        (kill(None), "nginx (pid 5)"),
        (kill("", victims=(VICTIM, Victim(6, comm="x\n<b>"))), "nginx (pid 5), x\n<b> (pid 6)"),
        (kill("a.service", victims=()), "a.service: "),
        (kill(None, victims=()), ""),
    ],
    ids=["of a unit", "of none", "several", "not told", "nothing known"],
)
def test_who_died_is_named(event: HostEvent, names: str) -> None:
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
    services: list[dict[str, Any]], event: HostEvent, severity: str
) -> None:
    kills = [finding for finding in findings(services, events=(event,)) if finding.id.startswith("oom.")]
    assert [finding.severity for finding in kills] == [severity]
    assert [finding.id == "oom.protected_service_killed" for finding in kills] == [severity == "critical"]


@pytest.mark.parametrize(
    ("path", "subject"),
    [
        ("/system.slice/nginx.service", "nginx.service"),
        (f"{USER}/app.slice/nginx.service", "user@1000.service/nginx.service"),
        ("/lxc/x1/system.slice/nginx.service", "lxc/x1/nginx.service"),
        ("/", "container"),
    ],
)
def test_a_full_group_of_a_user_is_not_that_of_the_system(path: str, subject: str) -> None:
    full = cgroup(path, limit_kib=1000, current_kib=990)
    assert [found.subject for found in findings(cgroups=(full,)) if found.id == "cgroup.limit_near"] == [subject]


@pytest.mark.parametrize("unit", ["nginx.service", "user@1000.service/nginx.service", "docker-1.scope/nginx.service"])
def test_a_unit_of_a_user_is_not_that_of_the_system(unit: str) -> None:
    (found,) = findings(NGINX, events=(kill(unit),))[:1]
    assert found.subject == unit
    assert (found.id == "oom.protected_service_killed") is (unit == "nginx.service")
    assert f": {unit}: nginx (pid 5)" in found.observed


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


@pytest.mark.parametrize("kind", ["incomplete", ""])
def test_what_is_no_kill_is_no_finding_of_one(kind: str) -> None:
    assert findings(events=(kill("nginx.service", kind=kind),)) == ()


def test_a_panic_is_not_passed_over() -> None:
    """The kernel stopped instead of killing: worse than a kill."""
    found = findings(events=(kill(None, kind="panic", victims=()),))
    assert [(finding.id, finding.severity) for finding in found] == [("oom.panic", "critical")]


def test_a_host_that_promises_no_more_is_told_before_it_fails() -> None:
    never = {"vm.overcommit_memory": "2", "vm.overcommit_ratio": "20"}
    (finding,) = findings(sysctls=sysctls(runtime=never))
    assert (finding.id, finding.severity) == ("commit.headroom_low", "critical")
    assert finding.observed == "141808 KiB (7.9 %) of 1800000 KiB can still be promised"
    assert "22" in finding.remedy
    assert findings(sysctls=sysctls(runtime={**never, "vm.overcommit_ratio": "22"})) == ()
    assert findings(sysctls=sysctls(runtime={**never, "vm.overcommit_memory": "0"})) == ()


def test_what_was_refused_says_who_how_often_how_much_and_the_limit() -> None:
    others = (RefusedCommit("sh\n", 1), RefusedCommit(None, 9))
    changes: dict[str, Any] = {"log": replace(LOG, refused=(REFUSED, *others))}
    (finding,) = findings(sysctls=sysctls(runtime=ROOMY), **changes)
    assert (finding.severity, finding.subject) == ("warning", "vm.overcommit_memory")
    assert finding.observed == (
        "mariadbd 3 times (up to 131072 KiB at once), sh\n 1 time, some that are not named 9 times; "
        "last 2026-05-04T03:02:01+00:00; now 1600000 KiB of 3000000 KiB are committed"
    )
    (elsewhere,) = findings(**changes)
    assert elsewhere.severity == "info"
    assert elsewhere.observed.endswith("are committed, and the limit is not enforced")


def test_a_size_that_is_declared_is_what_a_stopped_service_needs() -> None:
    policy = {"mode": "never", "ratio": 90, "needs_mib": {"mariadb": 4000}}
    found = findings(overcommit=policy, sysctls=sysctls(runtime=ROOMY), dormant=(DORMANT,))
    (finding,) = [each for each in found if each.id.startswith("commit.")]
    assert finding.subject == "mariadb.service"
    assert finding.observed == "it needs 4096000 KiB, and 2941808 KiB can still be promised"


def test_headroom_is_not_judged_where_the_sysctls_could_not_be_read() -> None:
    assert findings(sysctls=None, memory=memory(committed_kib=9_000_000)) == ()


@pytest.mark.parametrize(
    "changes",
    [{"total_kib": 1000, "hugetlb_kib": 1000}, {"committed_kib": 9_000_000}],
    ids=["no ratio passes", "above 100"],
)
def test_a_remedy_names_only_what_helps(changes: dict[str, Any]) -> None:
    never = sysctls(runtime={"vm.overcommit_memory": "2"})
    (finding,) = findings(sysctls=never, memory=memory(**changes), processes=())
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


def test_what_sets_its_own_score_is_told_with_what_to_set_there() -> None:
    path = "/etc/systemd/system/nginx.service.d/zz-lifeboat-oom.conf"
    text = declared(service()).text_for({"OOMScoreAdjust": "-500"})
    own = (replace(LEADER, comm="redis-server", is_fresh=True),)
    state = service(dropins={path: text}, running=own, oom_score_adjust=-500, dropin_paths=(path,))
    (finding,) = findings(NGINX, declared=services_state(declared(state)))
    assert (finding.id, finding.severity) == ("score.self_adjusted", "info")
    assert finding.observed == "self_adjusted (pid 100 (redis-server))"
    assert finding.remedy == "set oom-score-adj and oom-score-adj-values in redis.conf"


def test_a_session_is_named_with_its_processes_and_scores() -> None:
    those = [process(pid, **LOGIN, oom_score_adj=-900) for pid in range(20, 27)]
    (finding,) = findings(processes=tuple(those))
    assert (finding.subject, finding.severity) == ("session-1.scope", "warning")
    assert finding.observed.startswith("7 of ") and "pid 20 (bash) -900, pid 21 (bash) -900" in finding.observed


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
    ("timestamp", "found"),
    [
        ("2026-05-04T03:02:01+00:00", True),
        ("2026-04-05T00:00:01", True),
        ("2026-04-04T23:59:59", False),
        ("2019-01-01T00:00:00+02:00", False),
        ("May  4 03:02:01", True),
        ("May  5 13:02:01", True),
        ("Mar 30 03:02:01", False),
        ("Dec 31 03:02:01", False),
        ("Wed 2026-05-04 03:02:01 CEST", True),
        ("Wed 2026-03-04 03:02:01 CET", False),
        ("mån maj 4 03:02:01", True),
        (None, True),
    ],
    ids=[
        *["yesterday", "a month ago", "longer ago", "years ago", "no year", "no year, ahead of us"],
        *["no year, longer ago", "no year, in the last one", "a zone by name", "a zone by name, longer ago"],
        *["in another language", "no time"],
    ],
)
def test_a_kill_is_forgotten_in_the_end(timestamp: str | None, found: bool) -> None:
    assert bool(findings(events=(kill("a.service", timestamp=timestamp),))) is found


def test_no_clock_of_a_device_hides_a_kill_of_this_boot() -> None:
    (found,) = findings(events=(kill("a.service", timestamp="1970-01-01T00:05:00", this_boot=True),))
    assert found.subject == "a.service"


def test_kills_of_one_service_are_one_finding() -> None:
    events = (kill("a.service"), kill("b.service"), kill("a.service", timestamp="2026-05-04T04:00:00"))
    found = findings(events=events)
    assert [finding.subject for finding in found] == ["a.service", "b.service"]
    assert found[0].observed == "killed 2026-05-04T04:00:00: a.service: nginx (pid 5); 2 times in all"


GROUP = {"scope": "cgroup", "limit_cgroup": "/system.slice/a.service"}


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"scope": "global"}, ", as the host ran out of memory"),
        (GROUP, ", at the limit of /system.slice/a.service"),
        ({"scope": "cgroup"}, ", at the limit of its control group"),
        ({}, ""),
    ],
    ids=["host", "group", "group not told", "not told"],
)
def test_a_kill_says_what_had_run_out(changes: dict[str, Any], cause: str) -> None:
    (finding,) = findings(events=(kill("a.service", **changes),))
    assert finding.observed == "killed 2026-05-04T03:02:01: a.service: nginx (pid 5)" + cause
    assert ("raise the limit" in finding.remedy) is (changes.get("scope") == "cgroup")
    assert "ran out" not in finding.message


def test_without_swap_a_kill_of_the_host_matters() -> None:
    short = memory(**SWAPLESS)
    assert "commit.no_swap" in ids(findings(memory=short, events=(kill("a.service", scope="global"),)))
    assert "commit.no_swap" not in ids(findings(memory=short, events=(kill("a.service", **GROUP),)))


def storm(*units: str | None, seconds: int = 2, scope: str = "global") -> tuple[HostEvent, ...]:
    return tuple(
        kill(
            unit,
            timestamp=f"2026-05-04T03:{number * seconds // 60:02}:{number * seconds % 60:02}",
            scope=scope,
            victims=(Victim(number, comm=f"c{number}", anon_rss_kib=1000 * number),),
            invoker=Invoker("hog"),
        )
        for number, unit in enumerate(units)
    )


def test_a_storm_is_one_finding_that_names_its_cause() -> None:
    (finding,) = findings(events=storm(*(f"s{number}.service" for number in range(25))))
    assert finding.subject == "kernel"
    assert finding.observed == (
        "killed 2026-05-04T03:00:00 to 2026-05-04T03:00:48: 25 processes one after the other, as the host ran out of "
        "memory; the largest was c24 (pid 24) with 24000 KiB; hog asked for memory 25 of 25 times"
    )


def test_a_protected_service_stays_a_finding_of_its_own_in_a_storm() -> None:
    found = findings(NGINX, events=storm("a.service", "b.service", "nginx.service", "c.service", None, "d.service"))
    assert ids(found)[:1] == ["oom.protected_service_killed"]
    assert [each.subject for each in found if each.id == "oom.recent_kill"] == ["kernel"]


@pytest.mark.parametrize(
    ("events", "subjects"),
    [
        (storm("a.service", "b.service", "c.service", "d.service"), 4),
        (storm("a.service", "b.service", "c.service", "d.service", "e.service", seconds=61), 5),
        (storm(*["a.service"] * 9), 1),
        (storm("a.service", "b.service") + storm("c.service", "d.service", "e.service", scope="cgroup"), 5),
    ],
    ids=["few", "far apart", "one unit", "two causes"],
)
def test_kills_that_are_no_storm_are_told_by_subject(events: tuple[HostEvent, ...], subjects: int) -> None:
    found = findings(events=events)
    assert len({each.subject for each in found}) == len(found) == subjects


def test_how_long_a_kill_matters_can_be_set() -> None:
    assert findings(events=(kill("a.service"),), thresholds=Thresholds(recent_kill_days=0)) == ()


def stall(some: float, full: float) -> Pressures:
    return Pressures(None, None, Pressure(Stall(99.0, some, 99.0, 5), Stall(99.0, full, 99.0, 5)))


def group(**changes: Any) -> Cgroup:
    files = {"memory.max": "1024000", "memory.current": "512000", "memory.stat": "active_file 0\ninactive_file 0"}
    return parse_cgroup_files("/system.slice/a.service", 2, {**files, **changes})


SSH = {"comm": "sshd", "unit": "ssh.service", "ppid": 1, "rss_kib": 8_000}
BUFFERS = {"comm": "postgres", "rss_kib": 550_000, "rss_shmem_kib": 500_000, "swap_kib": 0}
SHELL = {"comm": "bash", "unit": "session-1.scope", "ppid": 200, "rss_kib": 5_000}
LOGIN = {**SHELL, "ppid": 1}
UNKILLABLE = {"oom_score_adj": -1000}
HIGH = {"high_total_kib": 2_000_000, "low_total_kib": 900_000}
AT_BOOT = {"/etc/sysctl.d/50-a.conf": "vm.overcommit_memory = 2\n"}
NEVER = {"vm.overcommit_memory": "2"}
ROOMY = {"vm.overcommit_memory": "2", "vm.overcommit_ratio": "90"}
LOG = KernelLog("journal", 500, False, (), 0)
REFUSED = RefusedCommit("mariadbd", 3, 134_217_728, "2026-05-04T03:02:01+00:00")
DORMANT = DormantUnit("mariadb.service", "inactive", 400_000)
SWAPLESS = {"committed_kib": 4_000_001, "swap_total_kib": 0, "swap_free_kib": 0}
DAEMON = OomDaemon("earlyoom", 7, "earlyoom.service", (), {})


@pytest.mark.parametrize(
    ("finding_id", "changes"),
    [
        ("oom.no_killable_process", {"kill_order": ()}),
        ("oom.collateral_victim", {"kill_order": order("systemd-journald.service")}),
        ("oom.collateral_victim", {"kill_order": order("chronyd.service")}),
        ("oom.collateral_victim", {"kill_order": order(None, "dropbear")}),
        ("oom.over_protection", {"processes": (process(1, rss_kib=2_000_001, swap_kib=0, oom_score_adj=-900),)}),
        ("oom.remote_access_unprotected", {"processes": (process(200, **SSH),)}),
        (
            "oom.inherited_unkillable",
            {"processes": (process(200, **SSH, **UNKILLABLE), process(9, **SHELL, **UNKILLABLE))},
        ),
        ("oom.protected_session", {"processes": (process(9, **LOGIN, oom_score_adj=-500),)}),
        (
            "oom.protected_session",
            {"processes": (process(9, **{**LOGIN, "unit": "user@1000.service/a.service"}, oom_score_adj=-900),)},
        ),
        ("oom.protected_session", {"processes": (process(9, **LOGIN, **UNKILLABLE),)}),
        (
            "oom.protected_session",
            {"processes": (process(200, **SSH, **UNKILLABLE), process(9, **SHELL, oom_score_adj=-900))},
        ),
        ("oom.log_incomplete", {"log": KernelLog("journal", 500, True, (), 0)}),
        ("oom.log_disagrees", {"log": KernelLog("journal", 500, False, (), 0, 2, 3)}),
        ("commit.refused", {"log": replace(LOG, refused=(REFUSED,)), "sysctls": sysctls(runtime=ROOMY)}),
        ("commit.cannot_start", {"sysctls": sysctls(runtime=ROOMY), "dormant": (replace(DORMANT, peak_kib=2**32),)}),
        ("commit.cannot_start", {"sysctls": sysctls(runtime=ROOMY), "dormant": (replace(DORMANT, peak_kib=None),)}),
        ("commit.never_at_boot", {"sysctls": sysctls(AT_BOOT), "memory": memory(committed_kib=9_000_000)}),
        ("commit.headroom_low", {"sysctls": sysctls(AT_BOOT, NEVER), "memory": memory(committed_kib=9_000_000)}),
        ("commit.no_swap", {"memory": memory(**SWAPLESS, available_kib=799_999)}),
        ("memory.available_low", {"memory": memory(available_kib=399_999)}),
        ("memory.low_zone", {"memory": memory(low_free_kib=89_999, **HIGH)}),
        ("memory.pressure", {"pressure": stall(10.1, 0)}),
        ("memory.pressure", {"pressure": stall(0, 5.1)}),
        ("swap.thrash", {"counters": Counters(0, 22_120_000, 0, 0, 0, 0)}),
        ("cgroup.limit_near", {"cgroups": (group(**{"memory.current": "922625"}),)}),
        ("daemon.conflict", {"daemons": (DAEMON, replace(DAEMON, name="nohang", pid=8))}),
        ("audit.incomplete", {"unread": (Unread("events", "dmesg ended with 1"),)}),
    ],
)
def test_what_is_wrong_is_found(finding_id: str, changes: dict[str, Any]) -> None:
    assert ids(findings(**changes)) == [finding_id]


@pytest.mark.parametrize(
    ("first", "remedy"),
    [("ssh.service", "give something else a higher score"), ("chronyd.service", catalogue.COLLATERAL.remedy)],
)
def test_nobody_is_told_to_protect_what_starts_sessions(first: str, remedy: str) -> None:
    (finding,) = findings(kill_order=order(first))
    assert finding.remedy == remedy


@pytest.mark.parametrize(
    "changes",
    [
        {"kill_order": order(None, "x")},
        {"memory": memory(**SWAPLESS, available_kib=800_000)},
        {"log": KernelLog("journal", 500, False, (), 0, 3, 3)},
        {"log": KernelLog("journal", 500, None, (), 0, None, 3)},
        {"log": KernelLog("/var/log/messages", 500, False, (), 0, 2, 3, kills_unsure=1)},
        {"log": replace(LOG, refused=(replace(REFUSED, timestamp="2026-03-04T03:02:01+00:00"),))},
        {"dormant": (DORMANT, replace(DORMANT, peak_kib=None))},
        {"dormant": (DORMANT,), "sysctls": sysctls(runtime=ROOMY)},
        {"processes": None, "kill_order": ()},
        {"processes": (process(1, rss_kib=1_999_000, swap_kib=0, oom_score_adj=-900),)},
        {"processes": tuple(process(pid, **BUFFERS, oom_score_adj=-900) for pid in range(10, 20))},
        {"processes": (process(200, **SSH, oom_score_adj=-900), process(201, **{**SSH, "ppid": 200}))},
        {"processes": (process(200, **{**SSH, "unit": "session-1.scope"}),)},
        {"processes": (process(200, **SSH, **UNKILLABLE), process(9, **SHELL))},
        {"processes": (process(200, **SSH, **UNKILLABLE), process(201, **{**SSH, "ppid": 200}, **UNKILLABLE))},
        {"processes": (process(1, comm="systemd", **UNKILLABLE), process(9, ppid=1, **UNKILLABLE))},
        {"processes": (process(9, **LOGIN, oom_score_adj=-499),)},
        {"processes": (process(9, unit="session-store.service", oom_score_adj=-900),)},
        {"processes": (process(9, oom_score_adj=-800), process(10, ppid=9, oom_score_adj=-800))},
        {"log": KernelLog("journal", 500, None, (), 0)},
        {"sysctls": sysctls(AT_BOOT)},
        {"sysctls": sysctls(AT_BOOT, {"vm.overcommit_memory": "2", "vm.overcommit_ratio": "80"})},
        {"memory": memory(committed_kib=9_000_000)},
        {"memory": memory(available_kib=400_000)},
        {"memory": memory(available_kib=None)},
        {"memory": memory(low_free_kib=90_000, **HIGH)},
        {"memory": memory(low_free_kib=5, low_total_kib=900_000, high_total_kib=0)},
        {"pressure": stall(10.0, 5.0)},
        {"pressure": None},
        {"pressure": Pressures(None, None, Pressure(None, None))},
        {"counters": Counters(0, 22_110_000, 0, 0, 0, 0)},
        {"counters": Counters(0, None, None, None, None, None)},
        {
            "counters": Counters(0, 30_000_000, 0, 0, 0, 0),
            "before": before(29_999_000, 3600),
        },
        {"cgroups": (group(**{"memory.current": "921600"}),)},
        {"cgroups": (group(**{"memory.current": "1024000", "memory.stat": "active_file 500000\ninactive_file 1"}),)},
        {"cgroups": (group(**{"memory.max": "max"}), group(**{"memory.current": ""}))},
        {"cgroups": None},
        {"daemons": (DAEMON, replace(DAEMON, pid=8))},
        {"unread": (Unread("services", "this host was not booted with systemd"),)},
    ],
)
def test_what_is_as_it_should_be_is_not(changes: dict[str, Any]) -> None:
    assert findings(**changes) == ()


GROWTH = "+2.0 MiB an hour, 99.9 % sure (96 samples over 3 days); memory is used up in 10 hours"


def trend(verdict: Any = "leak", cured: bool | None = None, unit: str = "nginx.service") -> ServiceTrend:
    cure = None if cured is None else Cure(Upgrade(unit, "libleak", "1.0", "1.1", 5), 5 << 20, cured)
    known = replace(TREND, rate_bytes_per_hour=2 << 20, samples=96, seconds=259_200, bound="memory")
    return replace(known, unit=unit, verdict=verdict, seconds_left=36_000 if verdict == "leak" else None, cure=cure)


@pytest.mark.parametrize(
    ("services", "found", "severity", "observed"),
    [
        (None, trend(), "warning", GROWTH),
        (NGINX, trend(), "critical", GROWTH),
        (None, trend("steady", True), "info", "libleak 1.0 to 1.1: +5.0 MiB an hour before, +2.0 MiB an hour since"),
    ],
    ids=["leak.suspected", "leak.protected_service", "leak.cured"],
)
def test_who_grows_without_end_is_found(
    request: pytest.FixtureRequest, services: Any, found: ServiceTrend, severity: str, observed: str
) -> None:
    (finding,) = [each for each in findings(services, trends=(found,)) if each.id.startswith("leak.")]
    assert (finding.id, finding.severity) == (request.node.callspec.id, severity)
    assert (finding.subject, finding.observed) == ("nginx.service", observed)


def test_a_leak_that_an_upgrade_did_not_cure_is_both() -> None:
    assert ids(findings(trends=(trend("leak", False),))) == ["leak.suspected", "leak.persists"]


def test_what_does_not_leak_is_no_finding() -> None:
    assert findings(trends=(trend("steady"), trend("unknown"))) == ()


def test_leaks_are_judged_as_the_thresholds_say() -> None:
    assert Thresholds().leak_limits() == Limits()
    chosen = Thresholds(leak_min_minutes=1, leak_period_minutes=2, leak_urgent_minutes=3, leak_min_growth_mib=4)
    assert chosen.leak_limits() == Limits(8, 60, 120, 180, 4 << 20, 0.1)


@pytest.mark.parametrize(
    ("lines", "running", "committed_kib", "found"),
    [
        ("vm.overcommit_ratio = 100", {}, 2_900_000, False),
        ("vm.overcommit_ratio = 30", {}, 2_000_000, True),
        ("vm.overcommit_kbytes = 4000000", {}, 2_900_000, False),
        ("vm.overcommit_kbytes = 900000", {}, 2_000_000, True),
        ("vm.overcommit_ratio = 100\nvm.overcommit_kbytes = 900000", {}, 2_000_000, True),
        ("vm.overcommit_kbytes = 900000\nvm.overcommit_ratio = 100", {}, 2_900_000, False),
        ("", {"vm.overcommit_ratio": "100"}, 2_900_000, True),
        ("", {"vm.overcommit_ratio": "10"}, 2_000_000, False),
        ("", {}, 2_000_000, False),
        ("vm.overcommit_ratio = 30", {"vm.overcommit_memory": "2"}, 2_000_000, False),
    ],
    ids=[
        *["enough", "too little", "enough kbytes", "too few kbytes", "the later one, kbytes", "the later one, ratio"],
        *["more now, and not then", "less now, and not then", "the kernel's own", "already"],
    ],
)
def test_the_next_boot_has_the_limits_of_its_files(
    lines: str, running: dict[str, str], committed_kib: int, found: bool
) -> None:
    files = {"/etc/sysctl.d/50-a.conf": f"vm.overcommit_memory = 2\n{lines}\n"}
    changes = {"sysctls": sysctls(files, running), "memory": memory(committed_kib=committed_kib)}
    assert ("commit.never_at_boot" in ids(findings(**changes))) is found


@pytest.mark.parametrize("value", ["2", "2 # secure", "0x2", "02", "\t2\tx"])
@pytest.mark.parametrize("refused", ['"0"', "7", "+1", "0."])
def test_the_next_boot_has_the_mode_that_the_kernel_reads(value: str, refused: str) -> None:
    """procps writes each line; systemd only the last one of a key, and what the kernel refuses is then not set."""
    lines = f"vm.overcommit_ratio = 30\nvm.overcommit_memory = {value}\n"
    path, changes = "/etc/sysctl.d/50-a.conf", {"memory": memory(committed_kib=2_000_000)}
    for loader, text in (("systemd", lines), ("procps", f"{lines}vm.overcommit_memory = {refused}\n")):
        found = findings(sysctls=sysctls({path: text}, loader=loader), **changes)
        (finding,) = [each for each in found if each.id == "commit.never_at_boot"]
        assert f"{path}:2;" in finding.observed
    found = findings(sysctls=sysctls({path: f"{lines}vm.overcommit_memory = {refused}\n"}), **changes)
    assert "commit.never_at_boot" not in ids(found)


@pytest.mark.parametrize(("mode", "found"), [(0, False), (1, False), (2, True)])
def test_only_a_next_boot_in_mode_never_is_judged(mode: int, found: bool) -> None:
    files = {"/etc/sysctl.d/50-a.conf": f"vm.overcommit_memory = {mode}\nvm.overcommit_ratio = 30\n"}
    changes = {"sysctls": sysctls(files, {}), "memory": memory(committed_kib=2_000_000)}
    assert ("commit.never_at_boot" in ids(findings(**changes))) is found


@pytest.mark.parametrize(
    ("lines", "cmdline", "found"),
    [
        ("", {}, True),
        ("vm.overcommit_memory = 0", {}, False),
        ("vm.overcommit_ratio = 100", {}, False),
        ("vm.overcommit_ratio = 100", {"vm.overcommit_kbytes": "900000"}, False),
        ("", {"vm.overcommit_kbytes": "4000000"}, False),
    ],
    ids=["alone", "a file wins", "limit of a file", "the ratio zeroes kbytes", "limit beside it"],
)
def test_the_command_line_sets_what_no_file_does(lines: str, cmdline: dict[str, str], found: bool) -> None:
    state = sysctls({"/etc/sysctl.d/50-a.conf": lines}, cmdline={"vm.overcommit_memory": "2", **cmdline})
    told = findings(sysctls=state, memory=memory(committed_kib=2_900_000))
    assert ids(told) == ["commit.never_at_boot"] * found
    assert all(each.observed.startswith("the kernel command line; then ") for each in told)


def test_a_rate_is_of_the_time_since_the_audit_before() -> None:
    changes = {"counters": Counters(0, 400_000, 0, 0, 0, 0)}
    (found,) = findings(**changes, before=before(0, 600))
    assert found.observed == "156 MiB a minute read back from swap"


def test_a_rate_is_of_a_minute_at_least() -> None:
    info = HostInfo("4f0c1d2e", 59.0, "6.1.0", "aarch64", 4, 252)
    busy = Counters(0, 400_000, 0, 0, 0, 0)
    assert findings(counters=busy, host=info) == ()
    assert ids(findings(counters=busy, host=replace(info, uptime_seconds=61.0))) == ["swap.thrash"]


def test_pressure_that_stops_everything_is_critical() -> None:
    assert [found.severity for found in findings(pressure=stall(60, 30))] == ["critical"]


def test_a_sysctl_that_another_file_sets_is_told_with_the_file() -> None:
    own = "# Managed by the Ansible collection lifeboat.oom\nvm.overcommit_memory = 1\n"
    files = {SYSCTL_FILE: own, "/etc/sysctl.d/99-zzz.conf": "\nvm.overcommit_memory = 0\n"}
    state = sysctls(files, {"vm.overcommit_memory": "1"})
    found = [each for each in findings(overcommit={"mode": "always"}, sysctls=state) if each.id == "sysctl.overridden"]
    assert [each.subject for each in found] == ["vm.overcommit_memory"]
    assert "/etc/sysctl.d/99-zzz.conf:2" in found[0].observed
