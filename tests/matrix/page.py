# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the documentation that shows the last run of the matrix."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from .environments import CHECKOUT
from .gates import Outcome

PAGE = CHECKOUT / "docs/docsite/rst/matrix.rst"
_HEAD = """\
.. _ansible_collections.lifeboat.oom.docsite.matrix:

What it was tested with
=======================

This page is what ``make matrix`` wrote the last time, on {day}: {passed} passed, {failed} failed, {skipped} skipped.

- *units*: ``ansible-test units``; on a Python that only devices have, the tests of the code that is shipped to them.
- *device*: the modules called for real with that Python as the interpreter of the device, once from each Python of a
  controller.
- *sanity*: ``ansible-test sanity``, without a container; ``tests/sanity`` has what is ignored, each with its reason.

"""


def page(outcomes: Sequence[Outcome]) -> str:
    count = {state: sum(outcome.state == state for outcome in outcomes) for state in ("passed", "failed", "skipped")}
    text = _HEAD.format(day=datetime.now(UTC).date().isoformat(), **count)
    for series in dict.fromkeys(outcome.series for outcome in outcomes):
        here = [outcome for outcome in outcomes if outcome.series == series]
        text += f"ansible-core {series}\n{'-' * len(f'ansible-core {series}')}\n\n"
        text += ".. list-table::\n   :header-rows: 1\n\n"
        text += _row("gate", "Python", "", "")
        text += "".join(_row(one.gate, one.python, one.state, one.said) for one in here) + "\n"
    return text.rstrip() + "\n"


def _row(*cells: str) -> str:
    return "".join(f"   {'*' if place == 0 else ' '} - {cell}".rstrip() + "\n" for place, cell in enumerate(cells))
