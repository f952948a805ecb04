# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run has seen of the scores of main processes, and notes for later ones."""

from __future__ import annotations

from typing import Dict, Mapping, Optional, Sequence, Set

from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.seen_scores import Seen
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.service import ServiceState
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.services import MENDED_OFTEN, Task, writable


def seen_after(before: Sequence[Task], after: Sequence[Task], known: Mapping[str, Seen], live: bool) -> Dict[str, Seen]:
    """By unit, with what is I(known) of units that are not declared here.

    Only a I(live) run mends a score by itself; without it a process that has another one than it was started with is
    left to itself, so that no restart is repeated.
    """
    found = dict(known)
    for was, task in zip(before, after):
        given = {one.pid for old, new in was.pairs for one in writable(was, old, new)}
        for state in task.unit.states:
            found.pop(state.unit.id, None)
            one = state.leader
            mended = _mended(was, task, state, given) if live and task.policy.present else None
            if one is not None and mended is not None:
                found[state.unit.id] = Seen(one.pid, one.start_ticks, mended)
    return found


def _mended(was: Task, task: Task, state: ServiceState, given: Set[int]) -> Optional[int]:
    """How often the main process was given its score back; C(None) where it was never seen with it."""
    one = state.leader
    if one is None:
        return None
    if one.oom_score_adj != task.wanted_score(state):
        return MENDED_OFTEN if one.pid in given else one.mended  # given, and another one again at once
    return 0 if was.writes or one.mended is None else one.mended + (one.pid in given)
