# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.oom.plugins.module_utils._policy.sysctls import ALL_KEYS
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl import values
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.keys import KBYTES, MODE, PANIC_SECONDS
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.values import is_passed_over, taken

SWAPPINESS = "vm.swappiness"


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        *[(MODE, text, "1") for text in ("1", "01", "0x1", "0X1", "001", "1 # redis", "1\t2", "1\n2", " \v\f\r1 ")],
        *[(MODE, text, "0") for text in ("0", "-0", "0x0", "00", "0 x")],
        *[(MODE, text, None) for text in ("3", "7", "-1", '"0"', "+1", "1.", "1,2", "never", "", " ", "1\r", "1\v")],
        *[
            (MODE, text, None)
            for text in ("0x", "08", "0b1", "0o1", "0xg", "1_0", "\u0661", "-", "- 1", "--1", "\xa01")
        ],
        (MODE, "\udca01", "1"),
        (PANIC_SECONDS, "-1", "-1"),
        (PANIC_SECONDS, "010", "8"),
        (PANIC_SECONDS, "-0x10 s", "-16"),
        (PANIC_SECONDS, "2147483647", "2147483647"),
        (PANIC_SECONDS, "2147483648", None),
        (PANIC_SECONDS, "-2147483648", "-2147483648"),
        (PANIC_SECONDS, "-2147483649", None),
        (PANIC_SECONDS, "0" * 19 + "5", "5"),
        (PANIC_SECONDS, "0" * 20 + "5", None),
        (PANIC_SECONDS, "-" + "0" * 19 + "5", None),
        (KBYTES, "18446744073709551615", "18446744073709551615"),
        (KBYTES, "18446744073709551616", None),
        (KBYTES, "0xffffffffffffffff", "18446744073709551615"),
        (KBYTES, "-0", None),
        (KBYTES, "-5", None),
        (KBYTES, "4194304 KiB", "4194304"),
        (KBYTES, "4M", None),
        (SWAPPINESS, "200", "200"),
        (SWAPPINESS, "201", None),
        (MODE, "\v" * 4095 + "1", None),
        (MODE, "1 " + "x" * 9999, "1"),
        ("net.ipv4.ip_forward", "1 # yes", "1 # yes"),
    ],
    ids=repr,
)
def test_a_text_is_what_the_kernel_makes_of_it(key: str, text: str, expected: str | None) -> None:
    assert taken(key, text) == expected


@pytest.mark.parametrize(
    ("key", "text", "kernel", "expected"),
    [
        (SWAPPINESS, "101", (5, 7), None),
        (SWAPPINESS, "101", (5, 8), "101"),
        (KBYTES, "18446744073709551617", (5, 0), "1"),
        (MODE, "1 2", (4, 4), "2"),
        (MODE, "1 2", (4, 5), "1"),
        (MODE, "1 # redis", (3, 10), "1"),
        (MODE, "7 1", (3, 10), None),
    ],
    ids=repr,
)
def test_an_older_kernel_reads_otherwise(key: str, text: str, kernel: tuple[int, int], expected: str | None) -> None:
    assert taken(key, text, kernel) == expected


def test_every_key_that_we_may_own_has_a_range() -> None:
    assert set(ALL_KEYS) <= set(values._RANGES)


@given(st.text(max_size=30), st.sampled_from(ALL_KEYS))
def test_a_value_that_was_taken_is_taken_again(text: str, key: str) -> None:
    found = taken(key, text)
    assert found is None or taken(key, found) == found


@pytest.mark.parametrize(
    ("text", "expected"),
    [(" " * 10**6, None), ("1 " * 10**5, "1"), ("0" * 10**6, None), ("-" * 10**6, None), ("0x" + "f" * 10**6, None)],
    ids=["blanks", "numbers", "zeros", "signs", "digits"],
)
def test_a_long_text_is_read_at_once(text: str, expected: str | None) -> None:
    assert taken(KBYTES, text, (3, 10)) == expected


@pytest.mark.parametrize(
    ("key", "text", "kernel", "expected"),
    [
        (KBYTES, "-5", (5, 19), True),
        (KBYTES, " -0x5 x", (5, 10), True),
        (KBYTES, "-5", (6, 0), False),
        (KBYTES, "5", (5, 10), False),
        (KBYTES, "-", (5, 10), False),
        (MODE, "-5", (5, 10), False),
        ("net.ipv4.ip_forward", "-5", (5, 10), False),
    ],
)
def test_a_negative_number_was_passed_over_once(key: str, text: str, kernel: tuple[int, int], expected: bool) -> None:
    assert is_passed_over(key, text, kernel) is expected
