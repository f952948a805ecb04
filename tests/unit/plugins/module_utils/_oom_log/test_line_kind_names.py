# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_kind_names import (
    KILLED,
    ORDER_IN_REPORT,
    ROW,
    Statement,
)


@pytest.mark.parametrize(
    ("statement", "weight"),
    [
        (Statement(KILLED, {}), 0),
        (Statement(KILLED, {"pid": 1, "comm": "a"}), 2),
        (Statement(ROW, {"numbers": (1, 2, 3), "comm": "a"}), 4),
        (Statement(ROW, {"sums": {"a": 1, "b": 2}}), 2),
    ],
    ids=["nothing", "values", "numbers", "sizes"],
)
def test_the_more_a_line_says_the_heavier_it_is(statement: Statement, weight: int) -> None:
    assert statement.weight == weight


def test_a_report_runs_from_its_header_to_the_reaper() -> None:
    order = sorted(ORDER_IN_REPORT, key=lambda kind: ORDER_IN_REPORT[kind])
    assert (order[0], order[-1]) == ("header", "reaped")
    assert order.index("row") < order.index("summary") < order.index("announcement") < order.index("killed")
