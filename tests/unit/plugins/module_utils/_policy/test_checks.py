# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import InvalidPolicy
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.checks import (
    SYSCTL_FILE,
    known_keys,
    one_of,
    sysctl_path,
    whole_number,
)


@pytest.mark.parametrize(
    ("written", "number"),
    [(80, 80), ("80", 80), (" 80 ", 80), ("-5", -5), (-10, -10), (100, 100), ("007", 7)],
    ids=["number", "text of a template", "blanks", "negative text", "lowest", "highest", "leading zeros"],
)
def test_a_whole_number_is_taken_also_as_text(written: Any, number: int) -> None:
    assert whole_number("ratio", written, -10, 100) == number


@pytest.mark.parametrize(
    "written",
    [
        *[True, False, 80.0, 80.5, float("nan"), None, "", "-", "+5", "8O", "80 %", "0x50", "8_0", "80\n81", "80.0"],
        *["\uff18\uff10", [80], {"ratio": 80}, b"80", 101, -11, 2**63, "9" * 18, "9" * 5000, "80\x00"],
    ],
    ids=repr,
)
def test_what_is_no_whole_number_in_range_is_refused(written: Any) -> None:
    with pytest.raises(InvalidPolicy, match=r"^ratio: found .*, expected a whole number from -10 to 100") as refused:
        whole_number("ratio", written, -10, 100)
    assert len(str(refused.value)) < 200


def test_a_yaml_boolean_is_named_as_one() -> None:
    with pytest.raises(InvalidPolicy, match=r"found the YAML boolean true, .*; write the number"):
        whole_number("ratio", True, 0, 100)


@given(st.integers(), st.integers(-1000, 1000))
def test_a_number_and_its_text_are_the_same(number: int, low: int) -> None:
    def taken(written: Any) -> int | None:
        try:
            return whole_number("n", written, low, low + 1000)
        except InvalidPolicy:
            return None

    assert taken(number) == taken(str(number)) == (number if low <= number <= low + 1000 else None)


@pytest.mark.parametrize(
    ("written", "hint"),
    [(2, "; write never"), ("2", "; write never"), (False, "; write a word"), ("Never", ""), (["never"], ""), ("", "")],
    ids=["number", "its text", "boolean", "capital", "list", "empty"],
)
def test_a_wrong_word_is_refused_with_what_was_meant(written: Any, hint: str) -> None:
    with pytest.raises(InvalidPolicy) as refused:
        one_of("mode", written, ("always", "never"), {"2": "never", "false": "a word"})
    assert str(refused.value) == f"mode: found {written!r}, expected one of: always, never{hint}"


def test_known_keys_come_as_they_are() -> None:
    assert known_keys("v[0]", {"name": "x"}, ("name", "score")) == {"name": "x"}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (["name"], r"^v\[0\]: found \['name'\], expected a dictionary with the keys: name, score$"),
        ("name=x", "expected a dictionary"),
        ({"name": 1, "scroe": 2, 5: 3}, r"^v\[0\]: unknown key '5', 'scroe', expected only: name, score$"),
    ],
    ids=["list", "text", "unknown keys"],
)
def test_only_known_keys_are_taken(entry: Any, message: str) -> None:
    with pytest.raises(InvalidPolicy, match=message):
        known_keys("v[0]", entry, ("name", "score"))


@pytest.mark.parametrize("path", [SYSCTL_FILE, "/etc/sysctl.conf", "/run/sysctl.d/a.conf", "/etc/sysctl.d/a b.conf"])
def test_a_sysctl_file_may_be_where_a_loader_reads(path: str) -> None:
    assert sysctl_path("sysctl_file", path) == path


@pytest.mark.parametrize(
    "path",
    [
        *["", "etc/sysctl.d/a.conf", "/etc/sysctl.d/a", "/etc/sysctl.d/a.conf/", "/etc/../root/a.conf", "/etc//a.conf"],
        *["//etc/a.conf", "/etc/./a.conf", "/usr/lib/sysctl.d/a.conf", "/etcetera/a.conf", "/etc/a\n.conf"],
        *["/etc/a\x00.conf", "/etc/a\x7f.conf", None, 5, ["/etc/a.conf"], "/etc/" + "a" * 500],
    ],
    ids=lambda path: repr(path)[:30],
)
def test_any_other_file_is_refused(path: Any) -> None:
    with pytest.raises(InvalidPolicy, match=r"^sysctl_file: found .*, expected an absolute path below /etc or /run"):
        sysctl_path("sysctl_file", path)
