# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from itertools import pairwise

import pytest

from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.trend_test import Point, gather


def line(*sizes: float, every: float = 10.0, seasons: int = 1) -> list[Point]:
    return [Point(place * every, size, place % seasons) for place, size in enumerate(sizes)]


def test_the_slope_is_that_of_most_pairs() -> None:
    assert gather([line(0, 10, 20, 30, 40)]).slope == 1
    assert gather([line(0, 10, 20, 900, 40, 50, 60)]).slope == 1
    assert gather([line(5, 5, 5)]).slope == gather([]).slope == gather([[]]).slope == 0


def test_the_confidence_is_that_of_mann_and_kendall() -> None:
    """Counted by hand, with three ties: 23 pairs rise and 2 fall; (8·7·21 - 3·18) / 18; the normal beyond 20 / sqrt."""
    found = gather([line(10, 22, 21, 30, 22, 30, 40, 40)])
    assert (found.score, round(found.variance, 4)) == (21, 62.3333)
    assert found.confidence == pytest.approx(0.99435, abs=1e-5)
    assert gather([line(*range(8))]).confidence > 0.999
    assert gather([line(*range(8, 0, -1))]).confidence < 0.001
    assert gather([line(5, 5, 5, 5)]).confidence == gather([]).confidence == 0


def test_lives_are_evidence_together_and_are_not_joined() -> None:
    falling = [line(*range(start, start + 4)) for start in (900, 600, 300)]
    found = gather(falling)
    assert found.slope == 0.1
    assert found.score == 3 * 6
    assert found.confidence > gather(falling[:1]).confidence


def test_what_comes_back_with_the_season_is_no_trend() -> None:
    assert gather([line(*[0, 5, 9, 5] * 3, seasons=4)]).slopes == [0.0] * 12
    both = [base + grown for grown in (0, 4, 8) for base in (0, 5, 9, 5)]
    assert gather([line(*both, seasons=4)]).slope == 0.1


@pytest.mark.parametrize(
    ("sizes", "straight"),
    [
        (range(9), 1.0),
        ([0, 40, 60, 70, 75, 77, 78, 78, 78], 0.1),
        ([0] * 5 + [9] * 5, 0.0),
        ([0, 3, 6, 9, 6, 3, 0], 0.0),
        (range(9, 0, -1), 0.0),
    ],
    ids=["a line", "levels off", "a step", "comes and goes", "falls"],
)
def test_a_leak_is_straight(sizes: list[float], straight: float) -> None:
    assert gather([line(*sizes)]).straightness == pytest.approx(straight, abs=0.1)


def test_any_order_of_lives_says_the_same() -> None:
    lives = [line(1, 5, 2, 8), line(3, 3, 4), line(9, 1)]
    for one, other in pairwise([lives, lives[::-1], lives[1:] + lives[:1]]):
        assert sorted(gather(one).slopes) == sorted(gather(other).slopes)
        assert gather(one).confidence == gather(other).confidence
