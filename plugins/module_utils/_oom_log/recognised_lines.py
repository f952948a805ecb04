# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the lines of a log to what they say, across line breaks that are not the kernel's."""

from __future__ import annotations

import re
from typing import Iterable, Iterator, List, Match, NamedTuple, Optional

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_kind_names import (
    ANNOUNCEMENT,
    GROUP,
    HEADER,
    KILLED,
    LIMIT,
    LOST,
    PANIC,
    REAPED,
    STATS,
    SUMMARY,
    UNKNOWN,
    Statement,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_kinds import is_suspicious, understand
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_prefix import (
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
# Kinds that tell of a kill by themselves. The paths in some of them may hold whatever a user likes, also such a line.
_EVIDENT = frozenset((HEADER, SUMMARY, ANNOUNCEMENT, KILLED, REAPED, LIMIT, STATS, GROUP, PANIC))
_PATHS = frozenset((SUMMARY, LIMIT, STATS, GROUP))
# Where another message may begin on a line: at a prefix, or at words that only the kernel has. The name before
# "invoked" is a word here.
_INNER = re.compile(
    r"(?:<\d{1,3}>)?\[ *\d{1,10}\.\d{1,9}\] ?"
    r"|(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S{0,20}) \S{1,255} kernel: "
    r"|(?:(?:Memory cgroup out|Out) of [Mm]emory(?: in UB \d{1,10})?: )?(?:OOM k|K)ill(?:ed)? process \d"
    r"|oom-kill:constraint=CONSTRAINT_|oom_reaper: reaped process \d"
    r"|(?<![^\s\]:|>])[^\s\]|>]{1,60} invoked oom-killer: gfp_"
    r"|Task in /|Memory cgroup stats|\[ *pid *\] +uid|\[ *\d{1,10}\] +\d{1,10} +\d{1,10} "
    r"|(?:memory|memory\+swap|swap|kmem): usage |active_anon:|CPU: \d{1,6} (?:UID: \d{1,10} )?PID: "
)
# What stands before it: a clock, no quotes, and a sign or a space at the end; or one word with such a sign.
_FRONT = re.compile(r"(?=.{0,200}?\d[:.]\d\d)[^'\"`?!]{1,200}(?:[\]:|>;)}] ?|\t)$|[^\s'\"`?!]{1,100}[\]:|>;)}] ?$")
_PROSE = re.compile(r"\b[a-z']{1,20} [a-z']{1,20} [a-z']")
_FRONT_IN_NAME = re.compile(r"[\]:|;>] ")


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
    told = {name: value for name, value in inner._asdict().items() if value not in (None, "")}
    return line._replace(**dict(told, text=inner.text, indent=line.indent, prefixed=True))


def _recognised_in_message(line: Line, raw: str) -> List[RecognisedLine]:
    """What one line says: mostly one thing. Two messages may stand on it, and one behind words of who knows whom."""
    found: List[RecognisedLine] = []
    while line.text:
        statement = None if line.kernel is False else understand(line.text)
        if statement and (statement.kind not in _EVIDENT or statement.kind in _PATHS):
            return found + [RecognisedLine(statement, line)]
        inner = None if line.kernel is False else _inner(line, statement)
        before = line._replace(text=line.text[: inner.start()].rstrip()) if inner else line
        found += _recognised_alone(before, raw)
        if not inner:
            break
        line = _within(line, inner.start())
    return found


def _recognised_alone(line: Line, raw: str) -> List[RecognisedLine]:
    statement = None if line.kernel is False else understand(line.text)
    if statement:
        return [RecognisedLine(_with_certain_name(statement, line), line)]
    if "\n" in line.text:
        return _recognised_in_record(line, raw)
    if is_suspicious(line.text, line.kernel):
        return [RecognisedLine(Statement(UNKNOWN, {"line": printable(raw)[:_MAX_STRANGE_CHARS]}), line)]
    return []


def _inner(line: Line, whole: Optional[Statement]) -> Optional[Match[str]]:
    """Where the next message on this line begins, if there is one. The first words of this one are not."""
    own = _INNER.match(line.text)
    first = line.text.find("oom-killer") if whole and whole.kind == HEADER else own.end() if own else 1
    for start in _INNER.finditer(line.text, first):
        before = line.text[: start.start()]
        inner = understand(_within(line, start.start()).text)
        if inner and (inner.kind in _EVIDENT or not line.kernel) and (line.kernel or whole or _is_front(before)):
            return start
    return None


def _is_front(text: str) -> bool:
    """Whether this may be what some program puts before a message. It is no prose and quotes nothing."""
    return _FRONT.match(text) is not None and not _PROSE.search(text)


def _with_certain_name(statement: Statement, line: Line) -> Statement:
    """A header begins with a name: without a prefix that is known, a name may have some of another before it."""
    if statement.kind != HEADER or line.prefixed or not _FRONT_IN_NAME.search(statement.values["comm"] or ""):
        return statement
    return Statement(HEADER, dict(statement.values, comm=None))


def _recognised_in_record(line: Line, raw: str) -> List[RecognisedLine]:
    """One record of /dev/kmsg can hold many lines: the sizes of a control group do (5.0 to 6.4)."""
    lines = [_within(line._replace(text=text), 0) for text in line.text.split("\n")]
    return [found for each in lines for found in _recognised_in_message(each, raw)]
