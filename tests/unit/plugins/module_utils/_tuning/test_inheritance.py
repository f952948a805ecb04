# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest
from unit.samples import LEADER, declared, process, service, services_state

from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.process import Process
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.services import ServicePolicy
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.inheritance import (
    Claim,
    claim_of,
    descent_warnings,
    heirs_of,
    remedy,
    self_adjusted,
    still_given,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.services import Task, tasks

SSH = "ssh.service"
SETTINGS = {"OOMScoreAdjust": "-900"}


def sshd(policy: ServicePolicy, unit: str = SSH) -> Task:
    """A listener that was started with -900 of our drop-in."""
    leader = replace(LEADER, comm="sshd", oom_score_adj=-1000, is_fresh=True)
    own = f"/etc/systemd/system/{unit}.d/zz-lifeboat-oom.conf"
    text = declared(service(unit), name=unit).text_for(SETTINGS)
    shown = {"oom_score_adjust": -900, "names": (unit, "sshd.service"), "dropin_paths": (own,)}
    state = service(unit, {own: text}, (leader,), **shown)
    return tasks(services_state(declared(state, name=unit)), [policy], False)[0]


@pytest.mark.parametrize(
    ("name", "heirs"),
    [
        ("sshd@1-2.service", "every login session"),
        ("getty@tty1.service", "every login session"),
        ("docker.service", "every container"),
        ("containerd.service", "every container"),
        ("podman.service", "every container"),
        ("crio.service", "every container"),
        ("kubelet.service", "every container"),
        ("crond.service", "every job"),
        ("atd.service", "every job"),
        ("salt-minion.service", "every command that it is sent"),
        ("puppet.service", "every command that it is sent"),
        ("lightdm.service", "every program of the session"),
        ("user@.service", "every program of the session"),
        ("user@1000.service", "every program of the session"),
        ("amazon-ssm-agen", "every command that it is sent"),
        ("user.service", None),
        ("nginx.service", None),
        (None, None),
    ],
)
def test_who_starts_the_programs_of_others_is_known(name: str | None, heirs: str | None) -> None:
    assert heirs_of(name) == heirs


def test_who_descends_from_a_protected_service_is_told() -> None:
    """A service of a name that nobody knows, which has started what is in units of others."""
    processes = (
        process(10, unit="rc.service"),
        process(11, ppid=10, unit="rc.service"),
        process(12, ppid=11, unit="session-4.scope"),
        process(13, ppid=12, unit="session-4.scope"),
        process(14, ppid=15, unit="session-5.scope"),
        process(15, ppid=14, unit="session-5.scope"),
    )
    claim = Claim("rc.service", -500, pids=frozenset({10, 11}))
    (warning,) = descent_warnings([claim], processes)
    assert warning.startswith("rc.service would have score -500, which what it starts inherits: session-4.scope; ")
    for harmless in (
        Claim("rc.service", -499, pids=claim.pids),
        Claim("rc.service", -500, pids=frozenset({10, 11, 12, 13})),
        Claim("rc.service", -500),
        Claim("sshd.service", -500, pids=claim.pids),
    ):
        assert descent_warnings([harmless], processes) == []


def test_a_claim_knows_its_unit_by_every_name() -> None:
    claim = claim_of(sshd(ServicePolicy("my.service", SETTINGS), "my.service"), -900)
    assert claim == Claim("my.service", -900, ("my.service", "my.service", "sshd.service", "sshd"), frozenset({100}))
    assert claim.heirs == "every login session"


def test_what_sets_its_own_score_is_told_with_what_to_set_there() -> None:
    (said,) = self_adjusted([sshd(ServicePolicy(SSH, SETTINGS))])
    assert said == (
        "ssh.service: pid 100 (sshd) sets its own score, which is left alone; take the declaration out: it keeps its "
        "listener at -1000 by itself"
    )
    assert self_adjusted([sshd(ServicePolicy(SSH, {}, present=False))]) == []
    assert self_adjusted([sshd(ServicePolicy(SSH, {"OOMScoreAdjust": "-5"}))]) == [], "it is still to be written"
    assert remedy("pid 5 (redis-server), pid 6 (x)") == "set oom-score-adj and oom-score-adj-values in redis.conf"
    assert remedy("pid 5 (a\nb)") == remedy(None) == "set it in its own configuration, or declare the score that it has"


GONE = ServicePolicy(SSH, {}, present=False)
OF_LISTENER = process(201, ppid=100, comm="sshd", unit="session-3.scope", oom_score_adj=-900)
ORPHAN = process(202, ppid=1, comm="bash", unit="session-3.scope", oom_score_adj=-900)


def test_what_is_taken_back_says_who_still_has_it() -> None:
    restart, kept = still_given([sshd(GONE)], (OF_LISTENER, ORPHAN))
    assert (
        restart
        == f"{SSH} was started with score -900 and gives it to what it starts: systemctl restart {SSH} ends that"
    )
    assert kept.startswith(
        "ssh.service has given score -900 to pid 201 (sshd) of session-3.scope, pid 202 (bash) of session-3.scope: "
    )
    many = tuple(replace(ORPHAN, pid=pid) for pid in range(300, 320))
    assert " and 15 more: they keep it" in still_given([sshd(GONE)], many)[1]


@pytest.mark.parametrize(
    "other",
    [
        process(100, comm="sshd", unit=SSH, oom_score_adj=-900),
        replace(OF_LISTENER, oom_score_adj=-901),
        replace(ORPHAN, unit="dbus.service"),
    ],
    ids=["its own process", "another score", "another service with this score"],
)
def test_what_has_the_score_from_elsewhere_is_not_told(other: Process) -> None:
    assert len(still_given([sshd(GONE)], (other,))) == 1


def test_of_another_service_only_descendants_have_its_score() -> None:
    gone = replace(sshd(GONE).unit.states[0], running=(replace(LEADER, oom_score_adj=-900),))
    state = replace(gone, unit=replace(gone.unit, id="my.service", names=("my.service",)))
    unit = replace(sshd(GONE).unit, name="my.service", states=(state,))
    work = tasks(services_state(unit), [ServicePolicy("my.service", {}, present=False)], False)
    (kept,) = still_given(work, (OF_LISTENER, ORPHAN))
    assert "pid 201" in kept and "pid 202" not in kept
    assert still_given([sshd(ServicePolicy(SSH, SETTINGS))], (OF_LISTENER, ORPHAN)) == []
