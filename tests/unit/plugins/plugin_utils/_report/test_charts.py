# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re

import pytest

from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import LEVELS
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.charts import columns, grid, line, ranking, width


def cells(path: str) -> list[tuple[int, int]]:
    return [(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)h", path)]


def test_a_grid_has_a_cell_for_each_host_in_its_place() -> None:
    found = grid(bytes([0, 3, 0, 4]))
    paths = dict(found.paths)
    assert set(paths) == {"fine", "critical", "not audited"}
    assert [x // found.size for x, _unused in cells(paths["fine"])] == [0, 2]
    assert [x // found.size for x, _unused in cells(paths["critical"])] == [1]
    assert (found.width, found.height) == (4 * found.size, found.size)


@pytest.mark.parametrize("hosts", [0, 1, 150, 151, 2_500, 10_000, 100_000])
def test_a_grid_of_any_fleet_fits_on_a_screen(hosts: int) -> None:
    found = grid(bytes(hosts))
    assert found.width <= 1120
    assert found.height <= 1000
    assert found.columns * found.size <= 1120
    assert sum(len(cells(path)) for _unused, path in found.paths) == hosts
    for x, y in cells(dict(found.paths).get("fine", "")):
        assert x + 1 <= found.width
        assert y + 1 <= found.height


def test_the_worse_is_larger() -> None:
    found = dict(grid(bytes(range(len(LEVELS)))).paths)
    sides = {name: int(re.findall(r"h(\d+)v", path)[0]) for name, path in found.items()}
    assert sides["critical"] == sides["warning"] > sides["info"] == sides["fine"]


def test_days_without_a_kill_are_shown_as_such() -> None:
    found = columns({19_000: 4, 19_002: 2, 18_000: 9}, last=19_002, days=4)
    assert [(each.day, each.count) for each in found] == [
        *[("2022-01-07", 0), ("2022-01-08", 4), ("2022-01-09", 0), ("2022-01-10", 2)],
    ]
    assert found[1].height == 2 * found[3].height > 0
    assert [each.height for each in columns({}, 19_002, 3)] == [0, 0, 0]


def test_the_largest_come_first_in_a_ranking() -> None:
    found = ranking({"b": 2, "a": 2, "c": 8, "d": 1}, 3)
    assert [(each.name, each.width_pct, each.text) for each in found] == [
        ("c", 100, "8"),
        ("a", 25, "2"),
        ("b", 25, "2"),
    ]
    assert ranking({}, 3) == ()


@pytest.mark.parametrize(("pct", "shown"), [(-5.0, 0), (0, 0), (50.5, 50.5), (250, 100), (None, 0)])
def test_no_bar_leaves_its_room(pct: float | None, shown: float) -> None:
    assert width(pct) == shown


@pytest.mark.parametrize(
    ("values", "lines"),
    [
        ([0, 100], ["0,100.0 10,0.0"]),
        ([50, None, 50, 25], ["0,50.0 1,50.0", "20,50.0 30,75.0"]),
        ([None, None], []),
        ([], []),
    ],
)
def test_a_line_has_a_gap_where_nothing_is_known(values: list[float | None], lines: list[str]) -> None:
    assert list(line(values)) == lines
