# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from unit.samples import host_state, process

from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.history import History, Leak
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.service import Upgrade

NOW = 1_777_863_721
WHEN = "2026-05-04T03:02:01+00:00"
UNIT = "nginx.service"
SAMPLES = {"unit": UNIT, "main_pid": 100, "start_ticks": 5000, "uptime_seconds": [60, 70], "anon_swap_kib": [7, 8]}
LEAK = {"unit": UNIT, "verdict": "leak", "rate_bytes_per_hour": 5, "confidence_pct": 99.9, "seconds_left": 60}


def record(uptime: float = 80.0, samples: Any = None, packages: Any = (), **rest: Any) -> dict[str, Any]:
    state = host_state(processes=(process(rss_anon_kib=5, swap_kib=4),))
    facts = json.loads(json.dumps(replace(state, host=replace(state.host, uptime_seconds=uptime)).as_facts()))
    facts.update(samples=samples, packages=packages)
    return {"host": "web", "audited_at": WHEN, "state": facts, "findings": [], **rest}


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "history.sqlite")


def kib(history: History) -> list[tuple[float, float]]:
    (life,) = history.lives("web")[UNIT]
    return [(uptime, size / 1024) for uptime, size in life.series]


def test_samples_stand_before_what_the_audit_saw(history: History) -> None:
    history.keep_memory(record(samples=[SAMPLES]))
    assert kib(history) == [(60, 7), (70, 8), (80, 9)]
    (life,) = history.lives("web")[UNIT]
    assert life.began_at == NOW - 80 + 50
    assert life.when(80) == NOW


def test_what_is_read_twice_counts_once(history: History) -> None:
    history.keep_memory(record(samples=[SAMPLES]))
    history.record(record(samples=[SAMPLES]))
    more = {**SAMPLES, "uptime_seconds": [70, 85, 88], "anon_swap_kib": [8, 10, 11]}
    history.keep_memory(record(uptime=90.0, samples=[more]))
    assert kib(history) == [(60, 7), (70, 8), (80, 9), (85, 10), (88, 11), (90, 9)]


def test_another_process_is_another_life(history: History) -> None:
    earlier = {**SAMPLES, "main_pid": 55, "start_ticks": 100}
    history.keep_memory(record(samples=[earlier, SAMPLES]))
    assert [(life.main_pid, len(life.series)) for life in history.lives("web")[UNIT]] == [(55, 2), (100, 3)]


def test_what_was_met_once_and_has_ended_is_no_life(history: History) -> None:
    once = {**SAMPLES, "main_pid": 55, "uptime_seconds": [60], "anon_swap_kib": [7]}
    history.keep_memory(record(samples=[once]))
    assert [life.main_pid for life in history.lives("web")[UNIT]] == [100]


@pytest.mark.parametrize(
    "samples",
    [
        None,
        [],
        ["x", 5, None],
        [{}],
        [{**SAMPLES, "uptime_seconds": None}],
        [{**SAMPLES, "uptime_seconds": ["a", None, -5, 1e99, True], "anon_swap_kib": [1, 2, 3, 4, 5]}],
        [{**SAMPLES, "uptime_seconds": [2**70], "anon_swap_kib": [1]}],
    ],
)
def test_samples_that_are_none_do_not_cost_the_audit(history: History, samples: Any) -> None:
    history.keep_memory(record(samples=samples))
    assert kib(history) == [(80, 9)]


def test_many_samples_are_thinned(history: History) -> None:
    many = {**SAMPLES, "uptime_seconds": list(range(100, 5000)), "anon_swap_kib": [1] * 4900}
    history.keep_memory(record(uptime=5000.0, samples=[many]))
    assert len(kib(history)) == 96


def test_of_an_old_process_the_least_of_each_part_of_the_day_is_kept(history: History) -> None:
    begin = 40 * 10_800  # five days
    moments = list(range(begin, begin + 2 * 10_800, 600))
    samples = {**SAMPLES, "uptime_seconds": moments, "anon_swap_kib": [500 - abs(number - 9) for number in range(36)]}
    samples["anon_swap_kib"][20] = 5
    history.keep_memory(record(uptime=float(begin + 2 * 10_800), samples=[samples]))
    assert kib(history) == [(begin, 491), (moments[20], 5), (begin + 2 * 10_800, 9)]


def test_the_version_is_the_one_that_ran_first(history: History) -> None:
    first, second = [[{"unit": UNIT, "package": "nginx", "version": version}] for version in ("1", "2")]
    history.keep_memory(record(uptime=80.0))
    history.keep_memory(record(uptime=90.0, packages=first))
    history.keep_memory(record(uptime=99.0, packages=second))
    (life,) = history.lives("web")[UNIT]
    assert (life.package, life.version) == ("nginx", "1")


def test_a_host_that_was_not_read_has_no_memory(history: History) -> None:
    history.record({"host": "web", "audited_at": WHEN, "state": None, "findings": []})
    assert history.lives("web") == {}


def test_leaks_are_those_of_the_last_audit(history: History) -> None:
    assert history.leaking("web") == ()
    history.record(record(trends=[LEAK, {**LEAK, "unit": "b.service", "verdict": "steady"}]))
    assert history.leaking("web") == (Leak(UNIT, None, None, 5, 99.9, 60),)
    history.record({"host": "web", "audited_at": WHEN, "state": None, "findings": []})
    assert len(history.leaking("web")) == 1
    history.record(record(trends=[]))
    assert history.leaking("web") == ()


def test_an_upgrade_is_kept_once(history: History) -> None:
    for _number in range(2):
        history.record_upgrade("web", UNIT, "libleak", "1.0", "1.1", NOW)
    history.record_upgrade("db", UNIT, "libleak", "1.0", "1.1", NOW)
    assert history.upgrades("web") == (Upgrade(UNIT, "libleak", "1.0", "1.1", NOW),)
    history.prune(1, now=NOW + 2 * 86_400)
    assert history.upgrades("web") == ()
    assert history.hosts() == set()


def test_a_unit_that_nothing_is_known_of_is_forgotten(history: History) -> None:
    """Sessions and containers are units of a new name every day."""
    for unit, when in (("session-1.scope", NOW), (UNIT, NOW + 2 * 86_400)):
        history.record_upgrade("web", unit, "libleak", "1.0", "1.1", when)
    assert history._all("SELECT name FROM units ORDER BY 1") == [(UNIT,), ("session-1.scope",)]
    history.prune(1, now=NOW + 2 * 86_400)
    assert history._all("SELECT name FROM units") == [(UNIT,)]
