# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.optional_fields import (
    at,
    entries,
    flag,
    integer,
    items,
    number,
    seconds,
    text,
)

DATA: dict[str, Any] = {"a": {"b": 5, "t": "x", "l": [{"n": 1}, 2, None]}, "f": True}


def test_what_is_there_is_found() -> None:
    assert at(DATA, "a", "b") == 5
    assert at(DATA) is DATA
    assert (integer(DATA, "a", "b"), number(DATA, "a", "b"), text(DATA, "a", "t")) == (5, 5, "x")
    assert (flag(DATA, "f"), items(DATA, "a", "l"), entries(DATA, "a", "l")) == (True, [{"n": 1}, 2, None], [{"n": 1}])


@pytest.mark.parametrize("data", [None, 5, "a", [], {}, {"a": None}, {"a": {"b": None}}, {"a": {"b": {}}}], ids=repr)
def test_what_is_missing_or_of_another_kind_is_nothing(data: Any) -> None:
    assert number(data, "a", "b") is integer(data, "a", "b") is text(data, "a", "b") is flag(data, "a", "b") is None
    assert items(data, "a", "b") == entries(data, "a", "b") == []


@pytest.mark.parametrize("value", [True, float("nan"), float("inf"), "5", 2**63, -(2**63) - 1, 1e300, 10**400])
def test_what_no_column_of_a_database_holds_is_no_number(value: Any) -> None:
    assert integer({"n": value}, "n") is number({"n": value}, "n") is None


@pytest.mark.parametrize(
    ("when", "found"),
    [
        ("1970-01-02T00:00:00+00:00", 86_400),
        ("1970-01-02T01:00:00+01:00", 86_400),
        ("1970-01-02T00:00:00", 86_400),
        ("Mar  3 04:05:06", None),
        ("1969-12-31T23:59:59+00:00", None),
        ("0001-01-01T00:00:00+23:00", None),
        ("9999-12-31T23:59:59-23:00", None),
        ("", None),
        (None, None),
    ],
)
def test_only_iso_is_a_time(when: str | None, found: int | None) -> None:
    assert seconds(when) == found
