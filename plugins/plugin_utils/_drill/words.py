# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A drill for a person, line by line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.forecast import OUTCOMES, Growth
from ansible_collections.lifeboat.oom.plugins.plugin_utils._drill.ending import ENDED, TIME_IS_UP
from ansible_collections.lifeboat.oom.plugins.plugin_utils._drill.script import Answer
from ansible_collections.lifeboat.oom.plugins.plugin_utils._drill.verdict import (
    KILLED,
    LIVED,
    Dead,
    Fate,
    Verdict,
)
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.printable_text import clean

_MIB = 1024
_ENDINGS = {
    "refused": "it was refused more memory",
    "panic": "the device has started anew, as after a panic of its kernel",
    TIME_IS_UP: "it was ended by the drill, whose time was up",
    ENDED: "it was ended otherwise",
}


def forecast_lines(growth: Growth) -> Iterator[str]:
    victims = ", ".join(growth.victims) or "nobody"
    end = "" if growth.ends else f"; then {OUTCOMES[growth.outcome]}"
    yield _line(f"foretold, killed in order: {victims}{end}")


def verdict_lines(growth: Growth, verdict: Verdict, silence: Mapping[str, Any]) -> Iterator[str]:
    yield from forecast_lines(growth)
    end = f"; then {_ENDINGS[verdict.outcome]}" if verdict.outcome in _ENDINGS else ""
    yield _line(f"killed, in order: {_all(_dead(dead) for dead in verdict.killed)}{end}")
    for fate, words in ((LIVED, "lived"), (KILLED, "killed among the services"), (ENDED, "ended, but not killed")):
        found = [each for each in verdict.fates if each.fate == fate]
        if found or fate == LIVED:
            yield _line(f"{words}: {_all(map(_fate, found))}")
    yield _silence(silence)
    if verdict.inconclusive:
        yield _line(f"INCONCLUSIVE: {verdict.inconclusive}; whether the forecast is right was not put to the test")
        return
    who = "right" if verdict.first_right else "WRONG"
    order = "right" if verdict.all_right else "not right"
    yield f"the forecast was {who} about who dies first, and {order} about all of it"


def progress_line(answer: Answer) -> str:
    grown = "not known" if answer.grown_kib is None else f"{answer.grown_kib // _MIB} MiB"
    left = "not known" if answer.left_kib is None else f"{answer.left_kib // _MIB} MiB"
    return f"it has grown to: {grown}; memory and swap left: {left}"


def _line(text: str) -> str:
    """A host may have hundreds of services."""
    return clean(text, 4000)


def _all(words: Iterable[str]) -> str:
    return ", ".join(words) or "nobody"


def _dead(dead: Dead) -> str:
    size = "" if dead.rss_kib is None else f", {dead.rss_kib // _MIB} MiB"
    score = "" if dead.oom_score_adj is None else f", score {dead.oom_score_adj}"
    return f"{dead.name} ({dead.comm} {dead.pid}{size}{score})"


def _fate(fate: Fate) -> str:
    notes = [f"declared, score {fate.score}"] if fate.declared else []
    notes += [f"lost {fate.lost} of its processes"] if fate.lost else []
    notes += ["runs again"] if fate.runs and fate.fate != LIVED else []
    return fate.name + (f" ({'; '.join(notes)})" if notes else "")


def _silence(silence: Mapping[str, Any]) -> str:
    gap = silence["device_seconds"]
    on_it = "not known" if gap is None else f"{gap:.1f} s at most"
    return (
        f"without an answer: {silence['longest_seconds']:.1f} s at most (usually {silence['usual_seconds']:.1f} s); "
        f"on the device nothing could be started for: {on_it}"
    )
