# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines that a terminal or a serial console cut at its last column, put together again.

All but the last part of such a line are as wide as the widest line of the text, and nothing is taken away between two.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Counter as Counts
from typing import Iterable, Iterator, List, Optional

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_kinds import understand
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_prefix import read_line

_FEWEST_COLUMNS = 40
_MAX_JOINED_CHARS = 1 << 16
# How much of the lines must begin alike to say what begins one, and how many signs of it count.
_MOST = 0.6
_SIGNS = 5
_RUN = re.compile(r"([A-Za-z]+)|([0-9]+)|\s+")
_FIELD = re.compile(r"(?: {4}|\t)?\"?_{0,2}[A-Z][A-Z0-9_]{2,63}(?:=|\" : )|\S{1,12} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_QUOTING = re.compile(r"[ \t]*(?:[>|] ?)+")


def unwrapped(head: List[str], lines: Iterable[str]) -> Iterable[str]:
    """The lines as they were before, if some of them were cut."""
    wide = [raw.rstrip("\r\n") for raw in head]
    width = max(map(len, wide), default=0)
    if width < _FEWEST_COLUMNS:
        return lines
    unwrapper = _Unwrapper(width, _common_start(wide, width))
    return unwrapper.read(lines) if unwrapper.are_cut(wide) else lines


def _common_start(lines: List[str], width: int) -> Optional[str]:
    """What most lines begin with; None where they begin with anything, such as rows of the table of tasks."""
    starts: Counts[str] = Counter()
    before = ""
    for line in lines:
        if line and len(before) < width:
            starts[_start(line)] += 1
        before = line
    start, times = starts.most_common(1)[0]
    return start if times >= _MOST * sum(starts.values()) and not start.startswith("[0]") else None


def _start(text: str) -> str:
    """The first signs of a line, with any number as 0 and any word as a."""
    return _RUN.sub(lambda run: "a" if run.group(1) else "0" if run.group(2) else "", text[:60])[:_SIGNS]


class _Unwrapper:
    def __init__(self, width: int, start: Optional[str]) -> None:
        self._width, self._start = width, start

    def begins(self, text: str) -> bool:
        """Whether this is surely the first part of a line."""
        return (self._start is not None and _start(text) == self._start) or _FIELD.match(text) is not None

    def are_cut(self, lines: List[str]) -> bool:
        """Whether lines go on behind full ones, and hardly elsewhere. One line that does may be so by chance."""
        rests = [(before, text) for before, text in zip(lines, lines[1:]) if text and not self.begins(text)]
        full = [(before, text) for before, text in rests if len(before) == self._width]
        if self._start is not None or len(full) != 1:
            return len(full) > (_MOST * len(rests) if self._start else 0)
        before, after = full[0]
        text, whole = understand(read_line(before).text), understand(read_line(before + after).text)
        return whole is not None and (text is None or whole.weight > text.weight)

    def read(self, lines: Iterable[str]) -> Iterator[str]:
        held: Optional[str] = None
        last = 0
        for raw in lines:
            text = raw.rstrip("\r\n")
            if held is not None and text and self._may_go_on(last, held) and not self.begins(text):
                part = _without_quoting(text, held)
                if self._goes_on(held, part):
                    held += part
                    last = len(text)
                    continue
            if held is not None:
                yield held
            held, last = text, len(text)
        if held is not None:
            yield held

    def _may_go_on(self, columns: int, held: str) -> bool:
        return columns == self._width and len(held) < _MAX_JOINED_CHARS

    def _goes_on(self, held: str, part: str) -> bool:
        """Two lines that each say something are one only if that says more; none says less for its rest."""
        line = read_line(held)
        text = line.text
        if not text:
            return True
        if line.prefixed and len(part) - len(part.lstrip(" ")) == len(held) - len(text):
            return False  # the second line of the same message: as far to the right as the first
        before, alone, whole = (understand(each) for each in (text, read_line(part).text, read_line(held + part).text))
        if before is None:
            return alone is None or self._start is not None or whole is not None
        least = before.weight + (alone.weight + 1 if alone else 0)
        return whole is not None and whole.weight >= least


def _without_quoting(text: str, before: str) -> str:
    """The part without the quoting or the indent that the part before it has, too."""
    quoting = _QUOTING.match(before)
    margin = quoting.group() if quoting else before[: len(before) - len(before.lstrip(" "))]
    return text[len(margin) :] if margin and text.startswith(margin) else text
