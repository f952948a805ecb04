# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read, plan, write and verify as if nobody else were there: one run at a time, and once more where a file changed."""

from __future__ import annotations

from typing import Any, Callable, Dict

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import Changed
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host

_MOST_TRIES = 5


def settled(host: Host, what: str, check_mode: bool, converge: Callable[[], Dict[str, Any]]) -> Dict[str, Any]:
    """The result of I(converge), which reads all that it needs. Check mode writes nothing, so it waits for nobody.

    Raises Changed where somebody who knows of no lock, such as an editor, changes the same files all the time.
    """
    if check_mode:
        return converge()
    with host.exclusive(what):
        for _again in range(_MOST_TRIES - 1):
            try:
                return converge()
            except Changed:
                continue
        return converge()
