# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._plan import Change, Plan

RUNTIME = Change("kernel", "runtime", "vm.overcommit_ratio", "50", "80", "the running kernel has another value")
FILE = Change("kernel", "file", "vm.overcommit_ratio", None, "80", "not set")
GONE = Change("kernel", "file", "vm.overcommit_kbytes", "4096", None, "set")


@pytest.mark.parametrize(
    ("changes", "changed"), [((), False), ((RUNTIME,), True), ((RUNTIME, FILE), True)], ids=["empty", "one", "two"]
)
def test_a_plan_changes_something_if_it_has_a_change(changes: tuple[Change, ...], changed: bool) -> None:
    assert Plan(changes).changed is changed


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (("runtime",), (RUNTIME,)),
        (("file",), (FILE, GONE)),
        (("file", "runtime"), (FILE, RUNTIME, GONE)),
        (("boot",), ()),
        ((), ()),
    ],
    ids=["one layer", "two of a layer", "in the order of the plan", "none of that layer", "no layer"],
)
def test_changes_of_a_layer_keep_the_order_of_the_plan(layers: tuple[str, ...], expected: tuple[Change, ...]) -> None:
    assert Plan((FILE, RUNTIME, GONE)).of(*layers) == expected


def test_a_plan_as_a_list_has_every_field() -> None:
    assert Plan((GONE,)).as_list() == [
        {
            "subject": "kernel",
            "layer": "file",
            "key": "vm.overcommit_kbytes",
            "before": "4096",
            "after": None,
            "why": "set",
        }
    ]


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        (RUNTIME, "runtime: kernel vm.overcommit_ratio = 50\n", "runtime: kernel vm.overcommit_ratio = 80\n"),
        (FILE, "", "file: kernel vm.overcommit_ratio = 80\n"),
        (GONE, "file: kernel vm.overcommit_kbytes = 4096\n", ""),
    ],
    ids=["another value", "added", "taken out"],
)
def test_a_diff_shows_a_value_only_on_the_side_that_has_it(change: Change, before: str, after: str) -> None:
    assert Plan((change,)).diff("sysctl") == [
        {"before_header": "sysctl", "after_header": "sysctl", "before": before, "after": after}
    ]


def test_nothing_to_change_has_no_diff() -> None:
    assert Plan().diff("sysctl") == []
