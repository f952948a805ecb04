# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from unit.samples import HEIR, LEADER, declared, service

from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.dropins import DropIn
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.service import (
    RunningScore,
    is_ours,
    normal,
    owns_folder,
    same_value,
)

FOLDER = "/etc/systemd/system/nginx.service.d"
OWN = f"{FOLDER}/zz-lifeboat-oom.conf"
EARLY = f"{FOLDER}/10-limits.conf"
LATE = "/usr/lib/systemd/system/service.d/zzz-vendor.conf"


def says(score: object) -> str:
    return f"[Service]\nOOMScoreAdjust={score}\n"


@pytest.mark.parametrize(
    ("running", "leader"),
    [((), None), ((LEADER, HEIR), LEADER), ((HEIR, LEADER), LEADER), ((HEIR,), HEIR)],
    ids=["nothing runs", "main process", "not the oldest", "no main process: the oldest"],
)
def test_the_leader_is_the_main_process(running: tuple[RunningScore, ...], leader: RunningScore | None) -> None:
    assert service(running=running).leader == leader


def test_a_service_with_other_texts_differs_only_there() -> None:
    state = service(dropins={EARLY: says(5), OWN: says(1)})
    other = "/etc/systemd/system/other.service.d/zz-lifeboat-oom.conf"
    changed = state.with_texts({OWN: says(7), other: says(9)})
    assert (state.disk_score(), changed.disk_score()) == (1, 7)
    assert DropIn(EARLY, says(5)) in changed.dropins
    assert changed.with_texts({OWN: None, other: None}) == service(dropins={EARLY: says(5)})


@pytest.mark.parametrize(
    ("dropins", "path", "score"),
    [
        ({}, None, 7),
        ({OWN: says(-500)}, OWN, -500),
        ({OWN: says(-500), EARLY: says(5)}, OWN, -500),
        ({OWN: says(-500), LATE: says(5)}, LATE, 5),
        ({OWN: says(-500), LATE: says(5000)}, OWN, -500),
        ({OWN: says(-500), LATE: says("")}, LATE, 3),
        ({OWN: says(-500), LATE: says(0).lower()}, OWN, -500),
        ({OWN: says(-500), LATE: None}, OWN, -500),
        ({OWN: says(-500), LATE: "\udcff\n" + says(5)}, OWN, -500),
        ({OWN: says("0x64")}, OWN, 100),
        ({"/etc/systemd/system/other.service.d/a.conf": says(5)}, None, 7),
    ],
    ids=[
        *["nothing set", "ours", "ours is later", "overridden", "refused value", "unset again", "wrong case", "masked"],
        *["other bytes", "hexadecimal", "another unit"],
    ],
)
def test_the_last_accepted_line_on_disk_decides(dropins: dict[str, str | None], path: str | None, score: int) -> None:
    state = service(dropins=dropins, default_score=7, manager_score=3)
    winner = state.winner()
    assert (winner and winner.path) == path
    assert state.disk_score() == score


@pytest.mark.parametrize(
    ("dropins", "shown", "stale"),
    [
        ({}, {}, False),
        ({OWN: says(-500)}, {"dropin_paths": (OWN,), "oom_score_adjust": -500}, False),
        ({OWN: says(-500)}, {"dropin_paths": (OWN,), "oom_score_adjust": 0}, True),
        ({OWN: says(-500)}, {"dropin_paths": (), "oom_score_adjust": -500}, True),
        ({OWN: says(0)}, {}, True),
        ({}, {"need_daemon_reload": True}, True),
        ({}, {"need_daemon_reload": None}, False),
        ({EARLY: None}, {"dropin_paths": (EARLY,)}, False),
        ({EARLY: None}, {}, True),
        ({}, {"dropin_paths": ("/run/systemd/generator/nginx.service.d/a.conf",)}, False),
        ({}, {"oom_score_adjust": None}, True),
    ],
    ids=[
        *["nothing on disk", "loaded", "other score loaded", "not loaded", "same score, not loaded", "systemd says so"],
        *["does not say", "mask loaded", "mask not loaded", "a folder that is not read", "no score shown"],
    ],
)
def test_the_manager_has_to_read_again_what_it_has_not_loaded(
    dropins: dict[str, str | None], shown: dict[str, Any], stale: bool
) -> None:
    assert service(dropins=dropins, **shown).needs_reload() is stale


def test_the_layers_of_a_score_have_a_value_each_or_none() -> None:
    assert asdict(service().layers()) == {
        "unit": "nginx.service",
        "dropin": None,
        "winner": None,
        "loaded": 0,
        "running": (0,),
    }
    others = RunningScore(5, 1, "x", -1000, True)
    state = service(dropins={OWN: says(-500), LATE: "\n" + says(100)}, running=(HEIR, others), oom_score_adjust=100)
    assert asdict(state.layers()) == {
        "unit": "nginx.service",
        "dropin": "-500",
        "winner": {"file": LATE, "line": 3, "value": "100"},
        "loaded": 100,
        "running": (
            -1000,
            0,
        ),
    }


@pytest.mark.parametrize(
    ("key", "shown", "loaded"),
    [
        ("OOMScoreAdjust", {"oom_score_adjust": -500}, "-500"),
        ("OOMScoreAdjust", {"oom_score_adjust": None}, None),
        ("OOMPolicy", {"oom_policy": "kill"}, "kill"),
        ("MemoryMin", {"memory_min_bytes": 67108864}, "67108864"),
        ("MemoryLow", {"memory_low_bytes": 0}, "0"),
        ("ManagedOOMPreference", {"managed_oom_preference": None}, None),
    ],
)
def test_what_is_loaded_is_text(key: str, shown: dict[str, Any], loaded: str | None) -> None:
    assert service(**shown).loaded(key) == loaded


@pytest.mark.parametrize(
    ("dropins", "name", "settings"),
    [
        ({OWN: "[Service]\nOOMScoreAdjust=1\nOOMScoreAdjust=2\nOOMPolicy=stop\n"}, "nginx.service",
         {"OOMScoreAdjust": "2", "OOMPolicy": "stop"}),
        ({OWN: "[Service]\nOOMSc"}, "nginx.service", {}),
        ({OWN: "[Socket]\nOOMScoreAdjust=1\n"}, "nginx.service", {}),
        ({OWN: None}, "nginx.service", {}),
        ({}, "nginx.service", {}),
        ({OWN.replace(".service", ".socket"): "[Socket]\nOOMScoreAdjust=1\n"}, "nginx.socket", {"OOMScoreAdjust": "1"}),
    ],
    ids=["ours", "truncated", "other section", "masked", "no file", "of a socket"],
)  # fmt: skip
def test_our_drop_in_is_read(dropins: dict[str, str | None], name: str, settings: dict[str, str]) -> None:
    assert declared(service(name, dropins), name=name).own_settings == settings


SETTINGS = {"OOMScoreAdjust": "-500", "MemoryMin": "64M"}


def test_our_drop_in_is_read_back_as_it_is_written() -> None:
    unit = declared(service())
    text = unit.text_for(SETTINGS)
    assert text.endswith("\n[Service]\nMemoryMin=64M\nOOMScoreAdjust=-500\n")
    assert all(line.startswith("# ") for line in text.splitlines()[:-3])
    assert unit.with_texts({OWN: text}).own_settings == SETTINGS
    assert is_ours(text)


def test_a_folder_goes_with_our_file_only_if_it_came_with_it() -> None:
    alone, among_others = declared(service()), declared(service(dropins={EARLY: says(5)}))
    assert owns_folder(alone.text_for(SETTINGS))
    assert not owns_folder(among_others.text_for(SETTINGS))
    for unit in (alone, among_others):
        text = unit.text_for(SETTINGS)
        assert unit.with_texts({OWN: text}).text_for(SETTINGS) == text


def test_a_declared_unit_with_another_text_has_it_in_every_state() -> None:
    states = [service(f"app@{name}.service", owner="app@.service") for name in ("one", "two")]
    unit = declared(*states, name="app@.service")
    changed = unit.with_texts({unit.own_path: says(7)})
    assert [state.disk_score() for state in changed.states] == [7, 7]
    gone = changed.with_texts({unit.own_path: None})
    assert (gone.own_text, [state.disk_score() for state in gone.states]) == (None, [0, 0])
    assert (unit.folder_exists, changed.folder_exists, gone.folder_exists) == (False, True, True)


@pytest.mark.parametrize("text", [None, "", says(5), "# Managed by puppet\n"], ids=["none", "empty", "bare", "others"])
def test_a_file_of_somebody_else_is_not_ours(text: str | None) -> None:
    assert not is_ours(text)
    assert not owns_folder(text)


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("OOMScoreAdjust", "0x64", "100"),
        ("OOMScoreAdjust", "-0", "0"),
        ("OOMScoreAdjust", "many", "many"),
        ("MemoryMin", "64M", "67108864"),
        ("MemoryLow", "1G 512M", "1610612736"),
        ("MemoryMin", "10%", "10%"),
        ("MemoryMin", "infinity", "infinity"),
        ("OOMPolicy", "stop", "stop"),
    ],
)
def test_all_spellings_of_a_value_are_one(key: str, value: str, text: str) -> None:
    assert normal(key, value) == text


@pytest.mark.parametrize(
    ("key", "wanted", "loaded", "same"),
    [
        ("OOMScoreAdjust", "-500", "-500", True),
        ("OOMScoreAdjust", "-500", "0", False),
        ("OOMScoreAdjust", "0", None, False),
        ("MemoryMin", "64M", "67108864", True),
        ("MemoryMin", "64M", "0", False),
        ("MemoryMin", "10%", "419430400", True),
        ("OOMPolicy", "kill", "stop", False),
        ("ManagedOOMPreference", "avoid", None, True),
    ],
)
def test_what_systemd_has_is_compared_as_it_prints_it(key: str, wanted: str, loaded: str | None, same: bool) -> None:
    assert same_value(key, wanted, loaded) is same
