# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from unit.samples import host_state, process

from ansible_collections.lifeboat.oom.plugins.module_utils._health.packages import ServicePackage
from ansible_collections.lifeboat.oom.plugins.module_utils._health.sampler_log import ServiceSamples
from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HostState
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks import lives
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.lives import Lives, lives_read, with_read

NOW = 1_777_863_721
UNIT = "nginx.service"
SAMPLES = ServiceSamples(UNIT, 100, 5000, (60, 70), (7, 8))


def look(uptime: float | None = 80.0, **changes: Any) -> HostState:
    changes.setdefault("processes", (process(rss_anon_kib=5, swap_kib=4),))
    state = host_state(**changes)
    return replace(state, host=replace(state.host, uptime_seconds=uptime))


def known(*looks: HostState, before: Lives | None = None) -> Lives:
    found: Lives = before or {}
    for each in looks:
        found = with_read(found, lives_read(each, NOW, found))
    return found


def kib(found: Lives) -> list[tuple[float, float]]:
    (life,) = found[UNIT]
    return [(uptime, size / 1024) for uptime, size in life.series]


def test_samples_stand_before_what_the_audit_saw() -> None:
    found = known(look(samples=(SAMPLES,)))
    assert kib(found) == [(60, 7), (70, 8), (80, 9)]
    (life,) = found[UNIT]
    assert life.began_at == NOW - 80 + 50
    assert life.when(80) == NOW


def test_what_is_read_twice_counts_once() -> None:
    first = look(samples=(SAMPLES,))
    more = ServiceSamples(UNIT, 100, 5000, (70, 85, 88), (8, 10, 11))
    found = known(first, first, look(90.0, samples=(more,)))
    assert kib(found) == [(60, 7), (70, 8), (80, 9), (85, 10), (88, 11), (90, 9)]


def test_only_what_is_new_is_to_be_kept() -> None:
    first = look(samples=(SAMPLES,))
    (read,) = lives_read(first, NOW, known(first))
    assert read.readings == read.life.series == ()


def test_another_process_is_another_life() -> None:
    earlier = ServiceSamples(UNIT, 55, 100, (60, 70), (7, 8))
    assert {(life.main_pid, len(life.series)) for life in known(look(samples=(earlier, SAMPLES)))[UNIT]} == {
        (55, 2),
        (100, 3),
    }


def test_what_was_met_once_and_has_ended_is_no_life() -> None:
    once = ServiceSamples(UNIT, 55, 100, (60,), (7,))
    assert [life.main_pid for life in known(look(samples=(once,)))[UNIT]] == [100]


@pytest.mark.parametrize(
    "samples",
    [None, (), (ServiceSamples(UNIT, 100, 5000, (), ()),), (ServiceSamples(UNIT, 100, 5000, (81, 2**40), (1, 2)),)],
    ids=["no sampler", "nothing yet", "an empty life", "of a time to come"],
)
def test_samples_that_say_nothing_change_nothing(samples: Any) -> None:
    assert kib(known(look(samples=samples))) == [(80, 9)]


def test_many_samples_are_thinned() -> None:
    many = ServiceSamples(UNIT, 100, 5000, tuple(range(100, 5000)), (1,) * 4900)
    assert len(kib(known(look(5000.0, samples=(many,))))) == 96


def test_of_an_old_process_the_least_of_each_part_of_the_day_is_kept() -> None:
    """And the last one, behind which the next audit goes on."""
    begin = 40 * 10_800  # five days
    moments = tuple(range(begin, begin + 2 * 10_800, 600))
    sizes = [500 - abs(number - 9) for number in range(36)]
    sizes[20] = 5
    samples = ServiceSamples(UNIT, 100, 5000, moments, tuple(sizes))
    found = known(look(float(begin + 2 * 10_800), samples=(samples,)))
    assert kib(found) == [(begin, 491), (moments[20], 5), (begin + 2 * 10_800, 9)]
    gone = look(float(begin + 2 * 10_800), samples=(samples,), processes=())
    assert kib(known(gone))[-1] == (moments[-1], sizes[-1])


def test_the_version_is_the_one_that_ran_first() -> None:
    first, second = (ServicePackage(UNIT, "/usr/sbin/nginx", "nginx", version) for version in ("1", "2"))
    found = known(look(80.0), look(90.0, packages=(first,)), look(99.0, packages=(second,)))
    (life,) = found[UNIT]
    assert (life.package, life.version) == ("nginx", "1")


def test_a_host_that_does_not_say_its_boot_or_its_uptime_has_no_lives() -> None:
    assert known(look(None)) == {}
    state = look()
    assert known(replace(state, host=replace(state.host, boot_id=None))) == {}


def test_one_device_does_not_fill_the_history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lives, "_MOST_LIVES", 3)
    processes = tuple(process(pid, unit=f"u{pid}.service", rss_anon_kib=pid) for pid in range(10, 20))
    assert set(known(look(processes=processes))) == {"u19.service", "u18.service", "u17.service"}
