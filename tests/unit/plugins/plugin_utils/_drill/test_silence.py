# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.lifeboat.oom.plugins.plugin_utils._drill.silence import Silence


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_attempts_without_an_answer_add_up() -> None:
    clock = Clock()
    silence = Silence(clock)
    for seconds, answered in [(0.5, True), (3.0, False), (2.0, False), (1.5, True), (0.25, True)]:
        silence.asks()
        clock.now += seconds
        if answered:
            silence.is_answered()
    assert silence.longest_seconds == 6.5


def test_pauses_between_answers_are_no_silence() -> None:
    clock = Clock()
    silence = Silence(clock)
    for _unused in range(2):
        silence.asks()
        clock.now += 0.25
        silence.is_answered()
        clock.now += 60
    assert silence.longest_seconds == 0.25


def test_one_that_lasts_counts() -> None:
    clock = Clock()
    silence = Silence(clock)
    silence.asks()
    clock.now += 9
    assert silence.longest_seconds == 9
