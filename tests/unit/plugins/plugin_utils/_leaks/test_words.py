# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest
from unit.audits import TREND as SHORT

from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.words import change, growth, rate, span

TREND = replace(
    SHORT, rate_bytes_per_hour=5 << 20, samples=96, seconds=259_200, lives=1, bound="memory", seconds_left=36_000
)


def test_a_leak_is_told_with_rate_confidence_and_end() -> None:
    assert growth(TREND) == "+5.0 MiB an hour, 99.9 % sure (96 samples over 3 days); memory is used up in 10 hours"
    several = replace(TREND, lives=4, bound="limit", seconds_left=60)
    assert growth(several).endswith(
        "(96 samples over 3 days in 4 lives of the process); the limit of its control group is reached in 60 seconds"
    )
    assert growth(replace(TREND, seconds_left=None)).endswith("(96 samples over 3 days)")
    assert change(TREND) == "+5.0 MiB an hour (96 samples over 3 days)"


@pytest.mark.parametrize(
    ("bytes_per_hour", "words"),
    [(5 << 20, "+5.0 MiB an hour"), (1 << 18, "+6.0 MiB a day"), (-(1 << 21), "-2.0 MiB an hour")],
)
def test_a_slow_rate_is_told_by_the_day(bytes_per_hour: float, words: str) -> None:
    assert rate(bytes_per_hour) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 seconds"), (119, "119 seconds"), (120, "2 minutes"), (7_200, "2 hours"), (172_800, "2 days")],
)
def test_a_span_has_the_unit_that_suits(seconds: float, words: str) -> None:
    assert span(seconds) == words
