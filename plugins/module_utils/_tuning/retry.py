# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read, plan, write and verify as if nobody else were there: once more where a file changed in between."""

from __future__ import annotations

from typing import Callable, TypeVar

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import Changed

_MOST_TRIES = 5
_Result = TypeVar("_Result")


def settled(converge: Callable[[], _Result]) -> _Result:
    """The result of I(converge), which reads all that it needs.

    Raises Changed where somebody who knows of no lock, such as an editor, changes the same files all the time.
    """
    for _again in range(_MOST_TRIES - 1):
        try:
            return converge()
        except Changed:
            continue
    return converge()
