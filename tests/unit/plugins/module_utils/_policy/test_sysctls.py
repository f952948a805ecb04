# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from unit.samples import RUNTIME, sysctl_declaration

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import InvalidPolicy
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.families import FAMILIES
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.sysctls import (
    ALL_KEYS,
    DEFAULTS,
    REMEMBERED,
    SYSCTL_FAMILIES,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.keys import (
    ADMIN_RESERVE,
    DUMP_TASKS,
    KBYTES,
    KILL_ALLOCATING_TASK,
    MODE,
    PANIC_ON_OOM,
    PANIC_SECONDS,
    RATIO,
    USER_RESERVE,
    VOIDS,
)


def values(family: str, options: dict[str, Any]) -> dict[str, str]:
    return dict(sysctl_declaration(family, **options).values)


def test_every_sysctl_can_be_put_back() -> None:
    """By its default, by what it was before, or by the partner that zeroes it."""
    known = [*DEFAULTS, *REMEMBERED]
    assert len(set(known)) == len(known)
    assert set(ALL_KEYS) == {*known, *(key for key, partner in VOIDS.items() if partner in DEFAULTS)}


def test_every_sysctl_is_in_one_family() -> None:
    assert len(set(ALL_KEYS)) == len(ALL_KEYS) == sum(len(family.keys) for family in SYSCTL_FAMILIES)


def test_the_device_of_the_tests_has_them_all() -> None:
    assert RUNTIME.keys() == set(ALL_KEYS)
    assert {key: RUNTIME[key] for key in DEFAULTS} == DEFAULTS


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"mode": "never", "ratio": "auto"}, {RATIO: "auto", MODE: "2"}),
        ({"mode": "never", "ratio": None, "kbytes": None}, {MODE: "2"}),
        ({"ratio": "80", "state": "present"}, {RATIO: "80"}),
        ({"ratio": 0}, {RATIO: "0"}),
        ({"kbytes": 2**31 - 1, "user_reserve_kbytes": 0}, {KBYTES: "2147483647", USER_RESERVE: "0"}),
        ({"mode": "always", "admin_reserve_kbytes": "0"}, {ADMIN_RESERVE: "0", MODE: "1"}),
        ({"state": "absent"}, {}),
    ],
    ids=["auto", "null is not managed", "other options", "ratio of 0", "largest", "reserve", "absent"],
)
def test_overcommit_is_declared(options: dict[str, Any], expected: dict[str, str]) -> None:
    assert list(values("overcommit", options).items()) == list(expected.items())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": 2}, "^oom_kernel_overcommit.mode: found 2, .*; write never$"),
        ({"mode": False}, r"overcommit.mode: found False, .*; write heuristic \(0\), always \(1\) or never \(2\)$"),
        ({"mode": "sometimes"}, "overcommit.mode: found 'sometimes', expected one of: heuristic, always, never$"),
        ({"ratio": "automatic"}, r"^oom_kernel_overcommit.ratio \(or the word auto\): "),
        ({"ratio": True}, "YAML boolean"),
        ({"ratio": -1}, "from 0 to"),
        ({"ratio": 2**31}, "from 0 to 2147483647"),
        ({"kbytes": 0}, "^oom_kernel_overcommit.kbytes: found 0, expected a whole number from 1"),
        ({"kbytes": "auto"}, "overcommit.kbytes: "),
        ({"user_reserve_kbytes": "128M"}, "overcommit.user_reserve_kbytes: found '128M'"),
        (
            {"min_headroom_pct": 100, "mode": "never"},
            "^oom_kernel_overcommit.min_headroom_pct: found 100, .*from 0 to 99",
        ),
        ({"min_headroom_pct": True, "mode": "never"}, "YAML boolean"),
        (
            {"ratio": 80, "kbytes": 4096},
            r"^oom_kernel_overcommit.ratio and oom_kernel_overcommit.kbytes: found both, .*\(ratio 80, kbytes 4096\)",
        ),
        ({"ratio": "auto", "kbytes": 4096}, "found both"),
        ({"ratio": 0, "kbytes": 4096}, "found both"),
        ({"runtime": True}, "^oom_kernel_overcommit: nothing is declared: give one of ratio, .*, or state: absent$"),
    ],
    ids=[
        *["number of a mode", "boolean mode", "unknown mode", "not auto", "boolean ratio", "negative", "overflow"],
        *["kbytes of 0", "kbytes auto", "with a unit", "headroom", "boolean headroom", "both limits"],
        *["auto and kbytes", "0 is a ratio too", "nothing"],
    ],
)
def test_overcommit_that_can_not_be_meant_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidPolicy, match=message):
        sysctl_declaration("overcommit", **options)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"panic_on_oom": "global", "panic_reboot_seconds": "10"}, {PANIC_SECONDS: "10", PANIC_ON_OOM: "1"}),
        ({"panic_on_oom": False}, {PANIC_ON_OOM: "0"}),
        (
            {"panic_on_oom": "no", "kill_allocating_task": True, "dump_tasks": False},
            {PANIC_ON_OOM: "0", KILL_ALLOCATING_TASK: "1", DUMP_TASKS: "0"},
        ),
        ({"panic_on_oom": "always", "dump_tasks": "no"}, {PANIC_ON_OOM: "2", DUMP_TASKS: "0"}),
        ({"panic_reboot_seconds": 0, "dump_tasks": None}, {PANIC_SECONDS: "0"}),
    ],
    ids=["panic", "an unquoted no", "flags", "a flag as the module takes it", "never reboot"],
)
def test_what_happens_when_memory_has_run_out_is_declared(options: dict[str, Any], expected: dict[str, str]) -> None:
    assert list(values("reaction", options).items()) == list(expected.items())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"panic_on_oom": 1}, r"^oom_kernel_reaction\.panic_on_oom: found 1, .*; write global$"),
        ({"panic_on_oom": True}, r"reaction\.panic_on_oom: found True, .*; write global \(1\) or always \(2\)$"),
        ({"panic_on_oom": "yes"}, r"expected one of: no, global, always$"),
        ({"panic_reboot_seconds": -1}, r"reaction\.panic_reboot_seconds: .*from 0 to"),
        ({"panic_reboot_seconds": True}, "YAML boolean"),
        ({"dump_tasks": "perhaps"}, r"reaction\.dump_tasks: found 'perhaps', expected true or false$"),
    ],
    ids=["number", "true", "unknown word", "negative", "boolean seconds", "word for a flag"],
)
def test_what_can_not_be_meant_when_memory_has_run_out_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidPolicy, match=message):
        sysctl_declaration("reaction", **options)


def test_a_module_names_its_option_without_a_variable() -> None:
    family = FAMILIES["overcommit"]
    options = {name: spec.get("default") for name, spec in family.spec.items()}
    with pytest.raises(InvalidPolicy, match=r"^kbytes: found 0"):
        family.declaration({**options, "kbytes": 0}, "")
    with pytest.raises(InvalidPolicy, match=r"^nothing is declared: "):
        family.declaration(options, "")
