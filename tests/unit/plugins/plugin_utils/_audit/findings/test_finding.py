# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import InvalidPolicy
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.finding import Kind, Thresholds

KIND = Kind("a.b", "warning", "at least {available_low_pct} %", "said", "do", "why")


def test_what_is_expected_names_the_threshold_that_holds() -> None:
    found = KIND.found(Thresholds(available_low_pct=7), "memory", "5 {x}")
    assert (found.id, found.severity, found.expected, found.observed) == ("a.b", "warning", "at least 7 %", "5 {x}")
    assert KIND.found(Thresholds(), "memory", "5", severity="critical", expected="{x}").expected == "{x}"


def test_thresholds_that_are_not_named_keep_their_default() -> None:
    assert Thresholds.of({"recent_kill_days": "3"}, "here") == Thresholds(recent_kill_days=3)
    assert Thresholds.of(None, "here") == Thresholds.of({}, "here") == Thresholds()


@pytest.mark.parametrize(
    ("declared", "complaint"),
    [
        ({"availabel_low_pct": 5}, "here: unknown key .availabel_low_pct., expected only: recent_kill_days"),
        ({"available_low_pct": 101}, r"here\.available_low_pct: found 101, expected a whole number from 0 to 100"),
        ({"available_low_pct": True}, r"here\.available_low_pct: found the YAML boolean true"),
        ([5], "here: found .5., expected a dictionary"),
        ("5", "here: found '5', expected a dictionary"),
    ],
    ids=["a wrong name", "too much", "a boolean", "a list", "text"],
)
def test_a_threshold_that_can_not_be_meant_is_refused(declared: Any, complaint: str) -> None:
    with pytest.raises(InvalidPolicy, match=complaint):
        Thresholds.of(declared, "here")
