# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest
from unit.audits import TREND
from unit.hostile import HOSTILE

from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.service import TrendPoints
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.trend_lines import TrendLine, trend_lines

LEAK = replace(TREND, unit="a.service")


def test_each_life_is_a_line_of_its_own() -> None:
    (found,) = trend_lines([LEAK])
    assert found == TrendLine(
        "a.service",
        True,
        "+1.0 MiB an hour, 99.9 % sure (5 samples over 5 hours)",
        ("0.0,12.0 100.0,0.0", "200.0,18.0 200.0,18.0"),
        10,
        5,
    )
    (steady,) = trend_lines([replace(LEAK, verdict="steady")])
    assert (steady.leaks, steady.said) == (False, "+1.0 MiB an hour (5 samples over 5 hours)")


def test_what_cannot_be_drawn_is_left_out() -> None:
    assert trend_lines([replace(LEAK, points=(TrendPoints((), ()),))]) == trend_lines([]) == []
    assert len(trend_lines([LEAK] * 5000)) == 20


def test_what_never_used_anything_is_a_flat_line() -> None:
    (found,) = trend_lines([replace(LEAK, points=(TrendPoints((5, 5), (0, 0)),))])
    assert found.lines == ("0.0,24.0 0.0,24.0",)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:20])
def test_names_are_printable_and_bounded(text: str) -> None:
    (found,) = trend_lines([replace(LEAK, unit=text, bound=text, seconds_left=5)])
    assert found.unit.isprintable() and len(found.unit) <= 100
    assert found.said.isprintable()
