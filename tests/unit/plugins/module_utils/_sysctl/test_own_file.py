# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.oom.plugins.module_utils._policy.sysctls import ALL_KEYS
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.file_syntax import parse
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.own_file import (
    HEADER,
    edited,
    foreign_lines,
    own_values,
    values_before,
)

OURS = "vm.overcommit_ratio = 80\nvm.overcommit_memory = 2\n"
BEFORE = "# before lifeboat.oom: vm.admin_reserve_kbytes = 8192\n"
# Not a newline to an editor or a loader, though Python's splitlines() takes them for one.
MARKS = ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]

values = st.dictionaries(st.sampled_from(ALL_KEYS), st.none() | st.integers(0, 2).map(str), max_size=5)
lines = st.one_of(
    st.sampled_from(
        [
            *["", "# a comment", "; another", "net.ipv4.ip_forward=1", "fs.file-max = 10", "no equals sign", "-vm.*"],
            *["vm.overcommit_ratio=33", "-vm.panic_on_oom = 1", "vm/overcommit_memory = 1", BEFORE.rstrip()],
            *[*OURS.splitlines(), *HEADER.splitlines()],
        ]
    ),
    st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\r\n\0"), max_size=20),
)
texts = st.none() | st.lists(lines, max_size=8).map("\n".join)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, {}),
        ("", {}),
        (HEADER + OURS, {"vm.overcommit_ratio": "80", "vm.overcommit_memory": "2"}),
        ("vm.overcommit_ratio = 1\nvm/overcommit_ratio=2\n", {"vm.overcommit_ratio": "2"}),
        ("  -vm.panic_on_oom\t=\t1  \n", {"vm.panic_on_oom": "1"}),
        ("# vm.panic_on_oom = 1\nfs.file-max = 5\nvm.panic_on_oom\n", {}),
        ("vm.panic_on_oom = 1", {"vm.panic_on_oom": "1"}),
        ("vm.panic_on_oom = 0x1 # mine\n", {"vm.panic_on_oom": "1"}),
        ("vm.panic_on_oom = 1\nvm.panic_on_oom = 7\n", {"vm.panic_on_oom": "1"}),
        ("vm.panic_on_oom = \udcff\n", {}),
    ],
    ids=[
        *["no file", "empty", "ours", "the last wins", "spelled otherwise", "others", "no last newline"],
        *["as the kernel reads it", "the last that it takes", "other bytes"],
    ],
)
def test_our_values_are_read_however_they_are_spelled(text: str | None, expected: dict[str, str]) -> None:
    assert own_values(text, ALL_KEYS) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HEADER + BEFORE + OURS, {"vm.admin_reserve_kbytes": "8192"}),
        (BEFORE.replace("8192", "1") + BEFORE, {"vm.admin_reserve_kbytes": "8192"}),
        (BEFORE.replace("# ", "#") + " " + BEFORE, {}),
        (BEFORE[:-6], {}),
        (BEFORE.replace("8192", "8M"), {}),
        (None, {}),
    ],
    ids=["ours", "twice", "not quite", "truncated", "nothing that a kernel has", "no file"],
)
def test_what_was_before_us_is_remembered(text: str | None, expected: dict[str, str]) -> None:
    assert values_before(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, ()),
        (HEADER + BEFORE + OURS, ()),
        ("\n  \n" + OURS, ()),
        (HEADER + "# mine\n" + OURS + "net.core.somaxconn = 5\n", ((3, "# mine"), (6, "net.core.somaxconn = 5"))),
        ("no sense\n\udcff\n", ((1, "no sense"), (2, "\udcff"))),
        ("vm.overcommit_*=1\n", ((1, "vm.overcommit_*=1"),)),
        (OURS + "vm.overcommit_memory = 7\n", ((3, "vm.overcommit_memory = 7"),)),
        ("instead.\n", ((1, "instead."),)),
    ],
    ids=[
        "no file",
        "ours",
        "blank",
        "added",
        "nonsense",
        "a pattern is nobody's",
        "refused",
        "the end of a line of ours",
    ],
)
def test_lines_of_others_are_told_with_their_numbers(text: str | None, expected: tuple[tuple[int, str], ...]) -> None:
    assert foreign_lines(text, ALL_KEYS) == expected


@pytest.mark.parametrize("mark", MARKS, ids=ascii)
def test_only_what_ends_a_line_for_a_loader_ends_one_here(mark: str) -> None:
    comment = f"# one{mark}line"
    assert foreign_lines(f"{comment}\n{OURS}", ALL_KEYS) == ((1, comment),)
    gone = edited(f"{comment}\n{OURS}", dict.fromkeys(own_values(OURS, ALL_KEYS)), {}, ALL_KEYS)
    assert gone == f"{HEADER}{comment}\n"


@pytest.mark.parametrize(
    ("text", "wanted", "before", "expected"),
    [
        (None, {"vm.overcommit_ratio": "80", "vm.overcommit_memory": "2"}, {}, HEADER + OURS),
        (HEADER + OURS, {"vm.overcommit_ratio": None, "vm.overcommit_memory": None}, {}, None),
        (HEADER + OURS, {"vm.overcommit_ratio": "70"}, {},
         HEADER + "vm.overcommit_memory = 2\nvm.overcommit_ratio = 70\n"),
        (HEADER + OURS, {"vm.overcommit_memory": None}, {}, HEADER + "vm.overcommit_ratio = 80\n"),
        ("# mine\n" + OURS, {"vm.overcommit_ratio": None, "vm.overcommit_memory": None}, {}, HEADER + "# mine\n"),
        (OURS + "# mine", {}, {}, HEADER + "# mine\n" + OURS),
        ("vm.overcommit_ratio=1\nvm/overcommit_ratio=2\n", {}, {}, HEADER + "vm.overcommit_ratio = 2\n"),
        (None, {"vm.admin_reserve_kbytes": "1"}, {"vm.admin_reserve_kbytes": "8192"},
         HEADER + BEFORE + "vm.admin_reserve_kbytes = 1\n"),
        (HEADER + BEFORE + "vm.admin_reserve_kbytes = 1\n", {"vm.admin_reserve_kbytes": "2"},
         {"vm.admin_reserve_kbytes": "1"}, HEADER + BEFORE + "vm.admin_reserve_kbytes = 2\n"),
        (HEADER + BEFORE + "vm.admin_reserve_kbytes = 1\n", {"vm.admin_reserve_kbytes": None}, {}, None),
        (None, {}, {"vm.admin_reserve_kbytes": "8192"}, None),
    ],
    ids=[
        *["new", "all taken out", "changed: to the end", "one taken out", "a foreign line stays", "theirs before ours"],
        *["once for each key", "remembered", "the first memory counts", "forgotten with its key", "nothing to say"],
    ],
)  # fmt: skip
def test_the_file_is_edited(
    text: str | None, wanted: dict[str, str | None], before: dict[str, str], expected: str | None
) -> None:
    assert edited(text, wanted, before, ALL_KEYS) == expected


def test_a_key_that_is_kept_out_does_not_become_an_empty_value() -> None:
    """C(-key) alone excludes the key from patterns (sysctl.d(5)); C(key =) is an error at every boot."""
    after = edited("-vm.panic_on_oom\n", {"vm.overcommit_ratio": "80"}, {}, ALL_KEYS)
    found = {found.key: (found.value, found.excludes) for found in parse(after or "", "").assignments}
    assert found.get("vm.panic_on_oom") in (None, ("", True))


@given(texts, values)
def test_editing_sets_all_values_and_keeps_all_that_is_not_ours(
    text: str | None, wanted: dict[str, str | None]
) -> None:
    after = edited(text, wanted, {}, ALL_KEYS)
    expected = {key: value for key, value in own_values(text, ALL_KEYS).items() if key not in wanted}
    expected.update({key: value for key, value in wanted.items() if value is not None})
    assert own_values(after, ALL_KEYS) == expected
    theirs = [line for _unused, line in foreign_lines(text, ALL_KEYS)]
    assert [line for _unused, line in foreign_lines(after, ALL_KEYS)] == theirs
    assert (after is None) == (not expected and not theirs)


@given(texts, values, st.dictionaries(st.sampled_from(ALL_KEYS), st.integers(0, 2).map(str)))
def test_editing_again_changes_nothing(text: str | None, wanted: dict[str, str | None], before: dict[str, str]) -> None:
    once = edited(text, wanted, before, ALL_KEYS)
    assert edited(once, wanted, dict.fromkeys(before, "other"), ALL_KEYS) == once


@given(texts, values)
def test_our_values_stand_last_and_in_order(text: str | None, wanted: dict[str, str | None]) -> None:
    after = edited(text, wanted, {}, ALL_KEYS) or ""
    set_now = [found.key for found in parse(after, "").assignments if wanted.get(found.key) is not None]
    assert set_now == [key for key, value in wanted.items() if value is not None]
    if set_now:
        assert after.rstrip("\n").rsplit("\n", 1)[1] == f"{set_now[-1]} = {wanted[set_now[-1]]}"
