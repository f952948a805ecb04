# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from unit.samples import memory, process

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import InvalidPolicy, Refused
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.badness import NEWEST, Killer
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.process import Process
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.services import SENSITIVE, sensitive_services
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.inheritance import Claim
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.protection import (
    Outcome,
    check_guards,
    held_kib,
    next_victim_warnings,
    order_diff,
    outcome,
    rescored,
    shown_order,
)

KILLER = Killer(NEWEST, 4)


def sized(pid: int, mib: int, score: int = 0, unit: str | None = None) -> Process:
    name = unit or f"u{pid}.service"
    return process(pid, rss_kib=mib * 1024, swap_kib=0, pgtables_kib=0, oom_score_adj=score, unit=name)


BEFORE = (sized(1, 10), sized(2, 900), sized(3, 300), sized(4, 100, unit="chrony.service"))


def after(scores: dict[int, int], before: tuple[Process, ...] = BEFORE) -> Outcome:
    return outcome(before, rescored(before, scores), memory(), KILLER)


def test_only_the_named_processes_get_another_score() -> None:
    assert rescored(BEFORE, {3: -500, 99: 1}) == (*BEFORE[:2], sized(3, 300, -500), BEFORE[3])


def test_memory_is_counted_as_protected_or_killable() -> None:
    found = after({2: -900, 4: -899})
    assert found.facts() == {
        "protected_kib": 910 * 1024,
        "protected_pct": 23.3,
        "killable_kib": 400 * 1024,
        "ram_kib": 4_000_000,
    }
    assert [candidate.pid for candidate in found.before] == [2, 3, 4]
    assert [candidate.pid for candidate in found.after] == [3, 2, 4]


def test_shared_memory_counts_once_for_a_unit() -> None:
    """The buffers of a database are in the RSS of each of its processes, and in RAM once."""
    sizes = {"rss_kib": 1_100_000, "rss_shmem_kib": 1_000_000, "swap_kib": 5}
    workers = [process(pid, unit="postgresql.service", **sizes) for pid in range(10, 20)]
    other = process(30, unit="b.service", **sizes)
    assert held_kib([*workers, other]) == 1_000_000 + 10 * 100_005 + 1_100_005
    assert held_kib([process(9, rss_kib=700, rss_shmem_kib=None, swap_kib=5)]) == 705


def test_a_host_without_processes_or_memory_has_no_share() -> None:
    assert outcome((), (), memory(total_kib=0), KILLER).protected_pct == 0.0


@pytest.mark.parametrize(
    ("found", "claim", "reason"),
    [
        (after({}), None, None),
        (after({2: -900}), Claim("u2.service", -900), None),
        (after({2: -900, 3: -900, 4: -900}), None, "nothing killable of size would be left: 0 KiB of the 1341440 KiB"),
        (after({2: -1000, 3: -1000}), None, "more than max_protected_pct, 30 %"),
        (
            after({}),
            Claim("sshd.service", -1000),
            "sshd.service would have score -1000, which every login session inherits",
        ),
        (
            after({}),
            Claim("ssh.service", -500),
            "ssh.service would have score -500, which every login session inherits",
        ),
        (
            after({}),
            Claim("nick.service", -900, ("ssh.service",)),
            "nick.service would have score -900, which every login",
        ),
        (
            after({}),
            Claim("my.service", -900, ("my.service", "dropbear")),
            "my.service would have score -900, which every l",
        ),
        (after({}), Claim("ssh.service", -499), None),
        (after({}), Claim("ssh-agent.service", -1000), None),
        (outcome((), (), memory(), KILLER), None, None),
    ],
    ids=[
        *["nothing", "one", "all", "too large a share", "sessions inherit", "just so", "by its other name"],
        *["by its main process", "one point more", "another service", "no processes"],
    ],
)
def test_a_protection_that_kills_somebody_else_is_refused(
    found: Outcome, claim: Claim | None, reason: str | None
) -> None:
    claims = [] if claim is None else [claim]
    if reason is None:
        assert check_guards(found, claims, 30, False) == check_guards(found, claims, 30, True) == []
        return
    with pytest.raises(
        Refused, match=f"{reason}.*; force: true .oom_protect_force in an inventory. applies it all the same$"
    ) as refused:
        check_guards(found, claims, 30, False)
    assert refused.value.numbers == found.facts()
    assert any(
        warning.startswith("forced: ") and reason in warning for warning in check_guards(found, claims, 30, True)
    )


def test_what_is_in_force_already_is_refused_for_what_it_gives_to_others_alone() -> None:
    full = after({2: -900, 3: -900, 4: -900})
    assert check_guards(full, [Claim("u2.service", -900)], 30, False, changes=False) == []
    with pytest.raises(
        Refused, match=r"^cron\.service would have score -900, which every job inherits: [^;]*; take it out"
    ):
        check_guards(full, [Claim("cron.service", -900)], 30, False, changes=False)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (after({}), None),
        (after({4: -500}), None),
        (after({2: -900}), "u3.service is now killed first in place of u2.service (307200 KiB, score 0)"),
        (after({2: -900, 3: -900}), "DANGER: if memory runs out, chrony.service is now killed first"),
        (after({2: -1000, 3: -1000, 4: -1000}), None),
        (outcome((sized(2, 9, -1000),), (sized(2, 9),), memory(), KILLER), "u2.service is now killed first (9216 KiB"),
    ],
    ids=[
        "nothing changes",
        "the first stays",
        "another is first",
        "a sensitive one is first",
        "nobody",
        "the first ever",
    ],
)
def test_who_is_killed_first_now_is_told(found: Outcome, message: str | None) -> None:
    said = next_victim_warnings(found, SENSITIVE)
    assert [message is not None and message in warning for warning in said] == ([] if message is None else [True])


def test_a_sensitive_service_is_told_with_its_purpose() -> None:
    (warning,) = next_victim_warnings(after({2: -900, 3: -900}), {"clocks": ["chrony"]})
    assert "it is there for clocks" in warning
    (warning,) = next_victim_warnings(after({2: -900, 3: -900}), {})
    assert not warning.startswith("DANGER")


@pytest.mark.parametrize(
    ("unit", "advice"),
    [("ssh.service", "give something else a higher score"), ("chrony.service", "a higher score, or protect it")],
)
def test_nobody_is_told_to_protect_what_starts_sessions(unit: str, advice: str) -> None:
    before = (sized(2, 900), sized(3, 300, unit=unit))
    (warning,) = next_victim_warnings(after({2: -900}, before), SENSITIVE)
    assert warning.startswith("DANGER") and warning.endswith(advice)


def test_the_list_of_sensitive_services_may_be_replaced() -> None:
    assert sensitive_services("v", None) is SENSITIVE
    assert sensitive_services("v", {}) == {}
    assert sensitive_services("v", {"payment": ["till", 5]}) == {"payment": ["till", "5"]}


@pytest.mark.parametrize("declared", ["chrony", ["chrony"], {"time": "chrony"}, 5, False], ids=repr)
def test_a_list_that_can_not_be_meant_is_refused(declared: Any) -> None:
    with pytest.raises(InvalidPolicy, match=r"^v: found .*, expected a dictionary such as"):
        sensitive_services("v", declared)


def test_the_order_is_shown_and_compared() -> None:
    assert order_diff(after({})) == []
    (diff,) = order_diff(after({2: -500}))
    assert diff["before"].splitlines()[0] == "1. u2.service pid 2 score 0"
    assert diff["after"].splitlines()[0] == "1. u3.service pid 3 score 0"
    many = tuple(sized(pid, pid) for pid in range(2, 30))
    assert [one["pid"] for one in shown_order(after({}, many).after)] == list(range(29, 19, -1))
