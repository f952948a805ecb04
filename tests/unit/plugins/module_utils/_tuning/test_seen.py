# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from unit.samples import LEADER, declared, service, services_state

from ansible_collections.lifeboat.oom.plugins.module_utils._policy.services import ServicePolicy
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.seen_scores import Seen
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.seen import seen_after
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.services import Task, tasks

NGINX = "nginx.service"
OWN = "/etc/systemd/system/nginx.service.d/zz-lifeboat-oom.conf"
POLICY = ServicePolicy(NGINX, {"OOMScoreAdjust": "-500"})
KNOWN = {"other.service": Seen(9, 9, 1)}


def work(score: int, mended: int | None = None, writes: bool = False, policy: ServicePolicy = POLICY) -> Task:
    """nginx.service, whose main process has this score; with our drop-in, unless that is still to be written."""
    text = declared(service()).text_for(POLICY.settings)
    leader = replace(LEADER, oom_score_adj=score, mended=mended)
    state = service(dropins={} if writes else {OWN: text}, running=(leader,), oom_score_adjust=0 if writes else -500)
    return tasks(services_state(declared(state)), [policy], False)[0]


@pytest.mark.parametrize(
    ("before", "after", "mended"),
    [
        (work(0, writes=True), work(-500), 0),
        (work(-500, 1, writes=True), work(-500), 0),
        (work(-500), work(-500), 0),
        (work(-500, 1), work(-500, 1), 1),
        (work(0, 0), work(-500, 0), 1),
        (work(0, 1), work(-500, 1), 2),
        (work(0), work(-500), 0),
        (work(0), work(0), 2),
        (work(0, 2), work(0, 2), 2),
    ],
    ids=[
        *["written now", "declared anew", "seen for the first time", "seen again", "given back", "given back again"],
        *["given, and never seen with it", "given in vain", "left alone"],
    ],
)
def test_a_run_notes_how_often_a_score_was_given_back(before: Task, after: Task, mended: int) -> None:
    assert seen_after([before], [after], KNOWN, True) == {**KNOWN, NGINX: Seen(100, 5000, mended)}


@pytest.mark.parametrize(
    ("after", "live"),
    [
        (work(-500, 1), False),
        (work(0, policy=ServicePolicy(NGINX, {}, present=False)), True),
        (work(0, writes=True), True),
    ],
    ids=["not live", "absent", "never had it"],
)
def test_what_is_not_in_force_is_not_noted(after: Task, live: bool) -> None:
    fresh: Any = replace(after.unit.states[0], running=())
    idle = replace(after, unit=replace(after.unit, states=(fresh,)))
    known = {**KNOWN, NGINX: Seen(100, 5000, 1)}
    assert seen_after([idle], [after], known, live) == KNOWN
