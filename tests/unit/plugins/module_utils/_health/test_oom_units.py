# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._health.oom_units import PlacedKill, kills_by_systemd, tied
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import KILL, OomEvent, Victim

WORDS = "A process of this unit has been killed by the OOM killer."


def at(second: int, unit: str | None = None, cgroup: str | None = None) -> OomEvent:
    timestamp = f"2026-05-04T03:{second // 60:02}:{second % 60:02}+00:00"
    return OomEvent(KILL, timestamp=timestamp, unit=unit, cgroup=cgroup, victims=(Victim(7),))


def told(*words: tuple[int, str]) -> list[PlacedKill]:
    """As the journal of a host in another time zone shows it."""
    text = [f"2026-05-04T05:{s // 60:02}:{s % 60:02}+0200 a systemd[1]: {unit}: {WORDS}" for s, unit in words]
    return kills_by_systemd("\n".join(text))


def test_units_are_told_from_what_else_systemd_says() -> None:
    text = (
        "-- Boot 3e5594c3f6a14777983d78438b7c1203 --\n"
        f"2026-05-04T05:00:01+0200 a systemd[1]: web\\x2da.service: {WORDS}\n"
        f"2026-05-04T05:00:01+0200 a systemd[1]: system.slice: {WORDS}\n"
        "2026-05-04T05:00:02+0200 a systemd[1]: web.service: Failed with result 'oom-kill'.\n"
        f"systemd[1]: web.service: {WORDS}\n"
    )
    assert [place for _seconds, place in kills_by_systemd(text)] == ["web\\x2da.service"]
    assert kills_by_systemd("") == []


@pytest.mark.parametrize(
    ("events", "words", "expected"),
    [
        ([at(100, "a.service", "/a.service")], [], [("a.service", "kernel")]),
        ([at(100)], [], [(None, None)]),
        ([at(100)], [(101, "a.service")], [("a.service", "systemd")]),
        ([at(100)], [(95, "a.service")], [("a.service", "systemd")]),
        ([at(100)], [(94, "a.service")], [(None, None)]),
        ([at(100)], [(105, "a.service")], [("a.service", "systemd")]),
        ([at(100)], [(106, "a.service")], [(None, None)]),
        ([at(100)], [(101, "a.service"), (102, "b.service")], [(None, None)]),
        ([at(100), at(101)], [(101, "a.service")] * 2, [("a.service", "systemd")] * 2),
        ([at(100, "a.service"), at(101)], [(101, "a.service")], [("a.service", "kernel"), ("a.service", "systemd")]),
        ([at(100, "b.service"), at(101)], [(101, "a.service")], [("b.service", "kernel"), (None, None)]),
        ([at(100, cgroup="/docker/1"), at(101)], [(101, "a.service")], [(None, None), (None, None)]),
        ([at(100, cgroup="/docker/1")], [(101, "a.service")], [(None, None)]),
        ([at(100, "b.service"), at(150)], [(151, "a.service")], [("b.service", "kernel"), ("a.service", "systemd")]),
        ([OomEvent(KILL)], [(100, "a.service")], [(None, None)]),
        ([OomEvent(KILL, timestamp="May  4 03:01:40")], [(100, "a.service")], [(None, None)]),
    ],
    ids=[
        "the kernel told", "nobody told", "systemd told", "before", "too early", "late", "too late", "two units",
        "a storm",
        "a storm with reports", "another unit at that time", "a container at that time", "surely a container",
        "another unit long before", "no time", "a time without an offset",
    ],
)  # fmt: skip
def test_a_unit_is_tied_only_if_it_is_the_only_one_about(
    events: list[OomEvent], words: list[tuple[int, str]], expected: list[tuple[str | None, str | None]]
) -> None:
    assert tied(events, told(*words)) == expected
