# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.settings import KEYS, score, size_bytes


# As systemd 252 took them: tests/lab/test_dropin_precedence.py asks it.
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", 0),
        ("-1000", -1000),
        ("1000", 1000),
        ("+7", 7),
        (" 7 ", 7),
        ("0x64", 100),
        ("-0X10", -16),
        ("0144", 100),
        ("-0144", -100),
        ("0b1100100", 100),
        ("0O144", 100),
        ("-0", 0),
        ("1001", None),
        ("-1001", None),
        ("99999999999999999999", None),
        ("9" * 5000, None),
        ("", None),
        ("09", None),
        ("0x", None),
        ("-0b1", None),
        ("1e2", None),
        ("1.0", None),
        ("1_0", None),
        ("\u0661", None),
        ("- 5", None),
        ("--5", None),
        ('"8"', None),
        ("8 # note", None),
    ],
)
def test_score(value: str, expected: int | None) -> None:
    assert score(value) == expected
    assert KEYS["OOMScoreAdjust"].accepts(value) == (expected is not None or value == "")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", 0),
        ("4096", 4096),
        ("64M", 64 << 20),
        ("64 M", 64 << 20),
        ("1.5G", 3 << 29),
        ("10.M", 10 << 20),
        ("1G 512M", 3 << 29),
        ("1K5", 1029),
        ("007B", 7),
        ("15E", 15 << 60),
        ("16E", None),
        ("18446744073709551615", None),
        ("9" * 5000, None),
        ("1." + "9" * 5000 + "G", None),
        ("", None),
        ("K", None),
        ("-1", None),
        ("5 5", None),
        ("1K1K", None),
        ("1K1M", None),
        ("1KiB", None),
        ("1k", None),
        ("1e3", None),
        ("10%", None),
        ("infinity", None),
    ],
)
def test_size_in_bytes(value: str, expected: int | None) -> None:
    assert size_bytes(value) == expected


@pytest.mark.parametrize(
    ("key", "taken", "refused"),
    [
        pytest.param(
            "MemoryMin",
            ["", "infinity", "0", "1G", "10%", "100%", "12.34%", "99.9%", "5\u2030", "99.9\u2030", "10000\u2031"],
            ["100.01%", "200%", "1.234%", "1001\u2030", "10001\u2031", "Infinity", "-1", "lots", "9" * 30 + "%"],
            id="MemoryMin",
        ),
        pytest.param("MemoryLow", ["", "64M"], ["64MB1", "none"], id="MemoryLow"),
        pytest.param("OOMPolicy", ["stop", "continue", "kill"], ["", "Kill", "none", "stop "], id="OOMPolicy"),
        pytest.param(
            "ManagedOOMPreference", ["none", "avoid", "omit"], ["", "Omit", "kill"], id="ManagedOOMPreference"
        ),
    ],
)
def test_values_that_systemd_takes(key: str, taken: list[str], refused: list[str]) -> None:
    assert [value for value in taken if not KEYS[key].accepts(value)] == []
    assert [value for value in refused if KEYS[key].accepts(value)] == []


def test_the_first_version_of_each_key() -> None:
    assert {key: rule.since for key, rule in KEYS.items()} == {
        "OOMScoreAdjust": 1,
        "MemoryLow": 231,
        "MemoryMin": 239,
        "OOMPolicy": 243,
        "ManagedOOMPreference": 248,
    }


@given(st.text(alphabet="0123456789xXbBoO+-. EPTGMK%\u2030\u2031", max_size=40))
def test_any_value_is_answered(value: str) -> None:
    for rule in KEYS.values():
        assert rule.accepts(value) in (True, False)
    number = score(value)
    assert number is None or -1000 <= number <= 1000


@given(st.integers(-1000, 1000))
def test_every_score_is_read_back(number: int) -> None:
    assert score(str(number)) == score(hex(number)) == number
