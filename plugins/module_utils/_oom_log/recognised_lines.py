# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the lines of a log to what they say, across line breaks that are not the kernel's."""

from __future__ import annotations

import re
from typing import Iterable, Iterator, List, NamedTuple, Optional

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_kind_names import LOST, UNKNOWN, Statement
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_kinds import is_suspicious, understand
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_prefix import (
    EMBEDDED_PREFIX,
    Line,
    printable,
    read_line,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.prefilter import is_noise

# How many lines a mail program or a terminal may have made of one.
_MAX_BREAKS = 4
_MAX_STRANGE_CHARS = 500
# A larger jump in the numbers of /dev/kmsg is another boot or another log.
_MAX_MISSING = 100000
# The console's own words, from 4.10 on a line of their own, before that in front of the next message.
_DROPPED = re.compile(r"(?:\*\* ?|printk: )(\d{1,9}) (?:printk )?messages dropped(?: ?\*\*)? ?")


class RecognisedLine(NamedTuple):
    """A line, and what it says."""

    statement: Statement
    line: Line


def recognised(lines: Iterable[str]) -> Iterator[RecognisedLine]:
    """The lines of the OOM killer, in the order of the log. One that only looks like one is of kind C(UNKNOWN)."""
    return _Recogniser().read(lines)


class _Recogniser:
    """Holds the last line back, as the next line may be the rest of it."""

    def __init__(self) -> None:
        self._head = Line("")
        self._passed_over: Optional[str] = None
        self._held: Optional[RecognisedLine] = None
        self._breaks = 0
        self._sequence: Optional[int] = None

    def read(self, lines: Iterable[str]) -> Iterator[RecognisedLine]:
        for raw in lines:
            if is_noise(raw):
                self._passed_over = raw
                continue
            line = self._in_context(read_line(raw))
            longer = self._continued(line)
            if longer:
                self._held = longer
                self._breaks += 1
                continue
            for found in self._missing(line) + _recognised_in_line(line, raw):
                if self._held:
                    yield self._held
                self._held, self._breaks = found, 0
        if self._held:
            yield self._held

    def _in_context(self, line: Line) -> Line:
        """A line without a prefix is of the same machine, one that is indented is of the same message."""
        if line.prefixed:
            self._head, self._passed_over = line, None
            return line
        if self._passed_over is not None:
            self._head, self._passed_over = read_line(self._passed_over), None
        head = self._head
        if line.indent > head.indent:
            return head._replace(text=line.text, indent=line.indent, prefixed=False, sequence=None)
        return line._replace(host=head.host)

    def _continued(self, line: Line) -> Optional[RecognisedLine]:
        """The held line with this line joined to it, if it says more then.

        A mail program takes a space away, a terminal nothing; a process may have the line break in its name.
        """
        held = self._held
        if not held or not line.text or line.prefixed or self._breaks >= _MAX_BREAKS or understand(line.text):
            return None
        same_message = self._head.prefixed and line.indent > self._head.indent
        best, kind, weight = None, held.statement.kind, held.statement.weight - same_message
        for space in ("\n", " ", "") if same_message else (" ", ""):
            text = held.line.text + space + line.text
            statement = understand(text)
            if statement and (kind == UNKNOWN or (statement.kind == kind and statement.weight > weight)):
                best = RecognisedLine(statement, held.line._replace(text=text))
                kind, weight = statement.kind, statement.weight
        return best

    def _missing(self, line: Line) -> List[RecognisedLine]:
        """A gap in the numbers of /dev/kmsg."""
        if line.sequence is None:
            return []
        before, self._sequence = self._sequence, line.sequence
        missing = line.sequence - before - 1 if before is not None else 0
        return [RecognisedLine(Statement(LOST, {"lines": missing}), line)] if 0 < missing <= _MAX_MISSING else []


def _recognised_in_line(line: Line, raw: str) -> List[RecognisedLine]:
    dropped = _DROPPED.match(line.text)
    if not dropped:
        return _recognised_in_message(line, raw)
    lost = RecognisedLine(Statement(LOST, {"lines": int(dropped.group(1))}), line)
    return [lost] + _recognised_in_message(_within(line, dropped.end()), raw)


def _within(line: Line, start: int) -> Line:
    """The line that begins inside another, with a prefix of its own."""
    inner = read_line(line.text[start:])
    own = {
        name: getattr(inner, name) for name in ("text", "kernel", "uptime_seconds") if getattr(inner, name) is not None
    }
    return line._replace(**own)


def _recognised_in_message(line: Line, raw: str) -> List[RecognisedLine]:
    if line.kernel is False or not line.text:
        return []
    statement = understand(line.text)
    if statement:
        return [RecognisedLine(statement, line)]
    if "\n" in line.text:
        return _recognised_in_record(line)
    if not is_suspicious(line.text, line.kernel):
        return []
    embedded = EMBEDDED_PREFIX.search(line.text, 1)
    inner = _within(line, embedded.start()) if embedded else line
    statement = understand(inner.text)
    if statement:
        return [RecognisedLine(statement, inner)]
    return [RecognisedLine(Statement(UNKNOWN, {"line": printable(raw)[:_MAX_STRANGE_CHARS]}), line)]


def _recognised_in_record(line: Line) -> List[RecognisedLine]:
    """One record of /dev/kmsg can hold many lines: the sizes of a control group do (5.0 to 6.4)."""
    statements = [understand(text) for text in line.text.split("\n")]
    return [RecognisedLine(one, line) for one in statements if one]
