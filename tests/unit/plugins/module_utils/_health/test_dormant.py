# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from unit.fake_host import FakeHost

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError
from ansible_collections.lifeboat.oom.plugins.module_utils._health.dormant import (
    ARGV,
    PEAKS_ARGV,
    DormantUnit,
    read_dormant,
)

ASKED, PEAKS = " ".join(ARGV), " ".join(PEAKS_ARGV)


def look(folder: Path, journal: str | None = "", **changes: str) -> tuple[DormantUnit, ...]:
    """At a host with one service that is enabled and stopped, but for I(changes)."""
    properties = {
        "Type": "notify",
        "MemoryPeak": "[not set]",
        "Id": "nginx.service",
        "LoadState": "loaded",
        "ActiveState": "inactive",
        "UnitFileState": "enabled",
        "ConditionResult": "yes",
        "ConditionTimestampMonotonic": "29783187",
        **changes,
    }
    shown = "".join(f"{key}={value}\n" for key, value in properties.items())
    host = FakeHost(folder, {ASKED: shown, **({} if journal is None else {PEAKS: journal})})
    host.has_folder("/run/systemd/system")
    return read_dormant(host)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"ActiveState": "failed"}, True),
        ({"ActiveState": "failed", "UnitFileState": "static"}, True),
        ({"UnitFileState": "enabled-runtime"}, True),
        ({"ConditionResult": "no", "ConditionTimestampMonotonic": "0"}, True),
        ({"UnitFileState": "disabled"}, False),
        ({"UnitFileState": "static"}, False),
        ({"UnitFileState": ""}, False),
        ({"Type": "oneshot"}, False),
        ({"ConditionResult": "no"}, False),
        ({"LoadState": "masked"}, False),
        ({"LoadState": "not-found", "ActiveState": "failed"}, False),
    ],
    ids=[
        *["stopped", "failed", "failed, started by others", "enabled till boot", "never started"],
        *["disabled", "static", "no file", "ends by itself", "conditions not met", "masked", "gone"],
    ],
)
def test_a_service_that_shall_run_and_does_not_is_dormant(
    tmp_path: Path, changes: dict[str, str], expected: bool
) -> None:
    assert bool(look(tmp_path, **changes)) is expected


@pytest.mark.parametrize(
    ("peak", "journal", "expected"),
    [
        ("[not set]", "", None),
        ("18446744073709551615", "", None),
        ("1048576", "", 1024),
        ("", "nginx.service: Consumed 1.2s CPU time, 85.5M memory peak, 0B memory swap peak.\n", 87_552),
        ("", "nginx.service: Consumed 1.161s CPU time over 22.3s wall clock time, 1G memory peak.\n", 1_048_576),
        ("", "nginx.service: Consumed 512K memory peak.\n", 512),
        ("2097152", "nginx.service: Consumed 9s CPU time, 1M memory peak.\n", 2048),
        (
            "1024",
            "nginx.service: Consumed 9s CPU time, 3M memory peak.\nnginx.service: Consumed 2M memory peak.\n",
            3072,
        ),
        ("", "nginx.service: Consumed 1min 2.345s CPU time.\n", None),
        ("", "other.service: Consumed 9s CPU time, 3M memory peak.\n", None),
        ("", "x nginx.service: Consumed 9s CPU time, 3M memory peak.\n", None),
        ("", None, None),
    ],
    ids=[
        *["nobody tells", "not known", "systemd", "journal of 255", "journal of 257", "memory alone"],
        *["systemd tells of more", "the largest run", "before 255", "another unit", "another line", "no journal"],
    ],
)
def test_the_largest_of_its_runs_is_its_size(
    tmp_path: Path, peak: str, journal: str | None, expected: int | None
) -> None:
    assert look(tmp_path, journal, MemoryPeak=peak) == (DormantUnit("nginx.service", "inactive", expected),)


def test_an_older_systemd_does_not_say_how_large_it_was(tmp_path: Path) -> None:
    shown = "Id=a.service\nLoadState=loaded\nActiveState=failed\nUnitFileState=static\n"
    host = FakeHost(tmp_path, {ASKED: shown + "\n" + shown.replace("failed", "inactive"), PEAKS: ""})
    assert read_dormant(host) == ()
    host.has_folder("/run/systemd/system")
    assert read_dormant(host) == (DormantUnit("a.service", "failed", None),)


def test_where_all_runs_the_journal_is_not_asked(tmp_path: Path) -> None:
    host = FakeHost(tmp_path, {ASKED: ""})
    host.has_folder("/run/systemd/system")
    assert (read_dormant(host), host.asked) == ((), [ASKED])


def test_a_manager_that_does_not_answer_is_told(tmp_path: Path) -> None:
    host = FakeHost(tmp_path)
    host.has_folder("/run/systemd/system")
    with pytest.raises(HostError):
        read_dormant(host)


def test_a_unit_of_which_the_state_is_not_told_is_left_out(tmp_path: Path) -> None:
    host = FakeHost(tmp_path, {ASKED: "Id=a.service\nLoadState=loaded\nUnitFileState=enabled\n"})
    host.has_folder("/run/systemd/system")
    assert read_dormant(host) == ()
