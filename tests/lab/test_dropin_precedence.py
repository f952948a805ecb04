# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What we compute from files is what a real systemd loads from them, for random sets of drop-ins."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.dropins import SEARCH_PATH, Merged, merge
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.settings import score, size_bytes
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.units import (
    UnitProperties,
    by_name,
    parse_show,
    show_argv,
)

from . import dropin_sets
from .dropin_sets import Batch
from .uml import Machine

BATCHES, SIZE = 5, 60
CLEAN = (
    "xargs -0 rm -f; find %s -mindepth 1 -maxdepth 1 -type d -name '*.d' -empty -delete 2>/dev/null; "
    "systemctl daemon-reload"
)

Load = Callable[[Batch], dict[str, UnitProperties]]


@pytest.fixture
def load(shared_device: Machine) -> Iterator[Load]:
    """Put a batch on the device, reload once, ask once; take everything away at the end."""
    there: list[str] = []

    def put(batch: Batch) -> dict[str, UnitProperties]:
        there.extend(batch.paths())
        question = shlex.join(show_argv(case.ask for case in batch.cases))
        command = f"base64 -d | tar -x -C / && systemctl daemon-reload && LC_ALL=C {question}"
        answer = shared_device.ssh(command, stdin=batch.archive(), timeout=300)
        return by_name(parse_show(answer.stdout))

    yield put
    folders = " ".join([*SEARCH_PATH, *dropin_sets.STAGED.values()])
    shared_device.ssh(CLEAN % folders, stdin="\0".join(there), timeout=300)


@pytest.mark.parametrize("seed", range(BATCHES))
def test_the_computed_winners_are_what_systemd_loads(load: Load, seed: int) -> None:
    batch = dropin_sets.batch(seed, SIZE)
    units = load(batch)
    wrong, read = [], 0
    for case in batch.cases:
        unit = units[case.ask]
        fragment = dropin_sets.dropin(case.fragment, case.files[case.fragment])
        merged = merge(fragment, batch.dropins(case), unit.id, unit.names)
        read += len(merged.applied)
        computed, loaded = expected(merged, unit), observed(unit)
        if computed != loaded:
            wrong.append(f"{case.ask}: computed {computed}, loaded {loaded}, from {case.files}")
    print(f"seed {seed}: {len(batch.cases)} sets, {read} drop-ins in force, {len(wrong)} wrong")
    assert not wrong, "\n".join(wrong)


def expected(merged: Merged, unit: UnitProperties) -> dict[str, Any]:
    """The values that the winners mean, and systemd's defaults where there is none."""
    value = {key: winner.value for key, winner in merged.winners.items()}
    service = unit.id.endswith(".service")
    return {
        "paths": tuple(dropin.path for dropin in merged.applied),
        "score": score(value.get("OOMScoreAdjust", "")) or 0,
        "policy": value.get("OOMPolicy", "stop") if service else None,
        "memory_min": _limit(value.get("MemoryMin", "")),
        "memory_low": _limit(value.get("MemoryLow", "")),
        # before 248 there is no such property
        "preference": unit.managed_oom_preference and value.get("ManagedOOMPreference", "none"),
    }


def observed(unit: UnitProperties) -> dict[str, Any]:
    return {
        "paths": unit.dropin_paths,
        "score": unit.oom_score_adjust,
        "policy": unit.oom_policy,
        "memory_min": unit.memory_min_bytes,
        "memory_low": unit.memory_low_bytes,
        "preference": unit.managed_oom_preference,
    }


def _limit(value: str) -> int | None:
    return size_bytes(value) if value else 0
