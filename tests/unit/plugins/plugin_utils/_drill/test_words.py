# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.forecast import NEWCOMER, Growth
from ansible_collections.lifeboat.oom.plugins.plugin_utils._drill.script import Answer
from ansible_collections.lifeboat.oom.plugins.plugin_utils._drill.verdict import Dead, Fate, Verdict
from ansible_collections.lifeboat.oom.plugins.plugin_utils._drill.words import (
    forecast_lines,
    progress_line,
    verdict_lines,
)

GROWTH = Growth(NEWCOMER, None, "global", None, ("web.service", NEWCOMER), (20,), True, "killed")
SILENCE = {"longest_seconds": 3.12, "usual_seconds": 0.08, "device_seconds": 1.4}
VERDICT = Verdict(
    outcome="killed",
    killed=(Dead("web.service", 20, "we\x1bb", 40960, 0, 1), Dead(NEWCOMER, 90, "tail", None, None, 2)),
    fates=(
        Fate("kiosk.service", True, -900, "lived", 1, True),
        Fate("cron.service", False, 0, "lived", 0, True),
        Fate("web.service", False, 0, "killed", 0, True),
    ),
    first_right=True,
    all_right=False,
)


def test_a_drill_in_full() -> None:
    assert list(verdict_lines(GROWTH, VERDICT, SILENCE)) == [
        f"foretold, killed in order: web.service, {NEWCOMER}",
        f"killed, in order: web.service (we\\x1bb 20, 40 MiB, score 0), {NEWCOMER} (tail 90)",
        "lived: kiosk.service (declared, score -900; lost 1 of its processes), cron.service",
        "killed among the services: web.service (runs again)",
        "without an answer: 3.1 s at most (usually 0.1 s); on the device nothing could be started for: 1.4 s at most",
        "the forecast was right about who dies first, and not right about all of it",
    ]


def test_what_came_in_between_is_said_in_place_of_a_judgement() -> None:
    verdict = replace(VERDICT, outcome="ended", first_right=None, all_right=None, inconclusive="it was ended by e\x1bx")
    lines = list(verdict_lines(GROWTH, verdict, SILENCE))
    assert lines[-1] == ("INCONCLUSIVE: it was ended by e\\x1bx; whether the forecast is right was not put to the test")
    assert "forecast was" not in " ".join(lines)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer("x", False, 40960, 10240), "it has grown to: 40 MiB; memory and swap left: 10 MiB"),
        (Answer("x", False), "it has grown to: not known; memory and swap left: not known"),
    ],
)
def test_progress(answer: Answer, said: str) -> None:
    assert progress_line(answer) == said


def test_one_that_went_otherwise() -> None:
    refused = replace(GROWTH, victims=(), ends=False, outcome="refused")
    assert list(forecast_lines(refused)) == [
        "foretold, killed in order: nobody; then it is refused more memory at the commit limit"
    ]
    verdict = replace(VERDICT, outcome="time is up", killed=(), fates=(), first_right=False)
    lines = list(verdict_lines(refused, verdict, {**SILENCE, "device_seconds": None}))
    assert lines[1] == "killed, in order: nobody; then it was ended by the drill, whose time was up"
    assert lines[2] == "lived: nobody"
    assert lines[3].endswith("started for: not known")
    assert lines[4].startswith("the forecast was WRONG about who dies first")
