# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.pressure import Pressure, Stall, parse_pressure

# A build machine, x86_64, Linux 6.1.
SOME = "some avg10=12.50 avg60=3.07 avg300=0.71 total=4121665\n"
FULL = "full avg10=0.00 avg60=100.00 avg300=0.06 total=18446744073709551615\n"
SOME_STALL = Stall(12.5, 3.07, 0.71, 4121665)
FULL_STALL = Stall(0.0, 100.0, 0.06, 2**64 - 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SOME + FULL, Pressure(SOME_STALL, FULL_STALL)),
        (FULL + SOME, Pressure(SOME_STALL, FULL_STALL)),
        (SOME, Pressure(SOME_STALL, None)),
        (FULL.rstrip(), Pressure(None, FULL_STALL)),
        (SOME[:40], Pressure(None, None)),
        (SOME + FULL[:30], Pressure(SOME_STALL, None)),
        ("", Pressure(None, None)),
        ("\x00\udcff\n" + SOME, Pressure(SOME_STALL, None)),
        (SOME.replace("some", "most"), Pressure(None, None)),
        (SOME.replace("12.50", "nan"), Pressure(None, None)),
        (SOME.replace("12.50", "1.2.50"), Pressure(None, None)),
        (SOME.replace("12.50", "."), Pressure(None, None)),
        (SOME.replace("total=", "total=-"), Pressure(None, None)),
    ],
    ids=[
        *["both", "reordered", "some only", "no last newline", "truncated", "second truncated", "empty", "other bytes"],
        *["another word", "not a number", "two points", "only a point", "negative"],
    ],
)
def test_a_line_that_is_not_understood_is_none_and_never_zero(text: str, expected: Pressure) -> None:
    assert parse_pressure(text) == expected
