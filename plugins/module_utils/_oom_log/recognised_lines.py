# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the lines of a log to what they say, across line breaks that are not the kernel's."""

from __future__ import annotations

import re
from io import TextIOBase
from typing import Any, Dict, Iterable, Iterator, List, Match, NamedTuple, Optional, Tuple, Union

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.envelope import opened
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_kind_names import (
    ANNOUNCEMENT,
    GROUP,
    HEADER,
    KILLED,
    KNOWN,
    LIMIT,
    LOST,
    PANIC,
    REAPED,
    ROW,
    STATS,
    SUMMARY,
    TABLE,
    UNKNOWN,
    Statement,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_kinds import (
    LOUD,
    is_suspicious,
    understand,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_prefix import (
    MAX_LINE_CHARS,
    Line,
    printable,
    read_line,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.prefilter import is_noise, worth_reading
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.size_lines import COLUMNS

# How many lines a mail program or a terminal may have made of one.
_MAX_BREAKS = 12
# How many ways to read such a line are kept.
_MAX_READINGS = 4
_MAX_STRANGE_CHARS = 500
_MOST_LOUD_CHARS = len("lowmemorykiller") - 1
# A larger jump in the numbers of /dev/kmsg is another boot or another log.
_MAX_MISSING = 100000
# The console's own words, from 4.10 on a line of their own, before that in front of the next message.
_DROPPED = re.compile(r"(?:\*\* ?|printk: )(\d{1,9}) (?:printk )?messages dropped(?: ?\*\*)? ?")
# Kinds that tell of a kill by themselves. The paths in some of them may hold whatever a user likes, also such a line.
_EVIDENT = frozenset((HEADER, SUMMARY, ANNOUNCEMENT, KILLED, REAPED, LIMIT, STATS, GROUP, PANIC))
_PATHS = frozenset((SUMMARY, LIMIT, STATS, GROUP))
# Kinds that end with a number, a path or a name, of which a cut takes a part without a trace.
_CUT_ANYWHERE = frozenset((HEADER, SUMMARY, KILLED, LIMIT, ROW))
# What such a line ends with.
_LAST_VALUES = {SUMMARY: "uid", LIMIT: "limit_cgroup"}
# The rest of "Task in /a", where each piece has a line of its own.
_PIECE = re.compile(r"killed as a result of limit of|/\S*$")
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

_Reading = Tuple[str, Statement]


class RecognisedLine(NamedTuple):
    """A line, and what it says."""

    statement: Statement
    line: Line


def recognised(lines: Union[str, TextIOBase, Iterable[str]]) -> Iterator[RecognisedLine]:
    """The lines of the OOM killer, in the order of the log. One that only looks like one is of kind C(UNKNOWN)."""
    return _Recogniser().read(lines)


class _Recogniser:
    """Holds the last line back, as the next line may be the rest of it."""

    def __init__(self) -> None:
        self._head = Line("")
        self._passed_over: Optional[str] = None
        self._held: Optional[Line] = None
        self._readings: List[_Reading] = []
        self._breaks = 0
        self._columns: Optional[int] = None
        self._sequence: Optional[int] = None

    def read(self, log: Union[str, TextIOBase, Iterable[str]]) -> Iterator[RecognisedLine]:
        for raw in opened(worth_reading(log)):
            if isinstance(raw, Line):
                line = self._in_context(raw)
            elif is_noise(raw):
                self._passed_over = raw
                continue
            else:
                line = self._in_context(read_line(raw))
            if self._goes_on(line):
                self._breaks += 1
                continue
            text = raw.text if isinstance(raw, Line) else raw
            for found in self._missing(line) + _recognised_in_line(line, text) + _beyond(line, text):
                yield from self._told()
                self._held, self._breaks = found.line, 0
                self._readings = [(found.line.text, found.statement)]
        yield from self._told()

    def _told(self) -> Iterator[RecognisedLine]:
        """The held line, with what all ways to read it say."""
        if self._held:
            told = [statement for _text, statement in self._readings]
            if len(told) > 1:
                told = [one for one in told if self._may_be(one)]
            one = _agreed(told) if told else Statement(KNOWN, {})
            if one.kind == TABLE:
                self._columns = len(one.values["columns"]) - 1
            yield RecognisedLine(one, self._held)

    def _may_be(self, told: Statement) -> bool:
        """Whether a table has such a header or row."""
        if told.kind == TABLE:
            return COLUMNS.issuperset(told.values["columns"])
        return told.kind != ROW or self._columns is None or len(told.values["numbers"]) == self._columns

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

    def _goes_on(self, line: Line) -> bool:
        """Whether this line is the rest of the held one: joined they say more, or other things than the held one alone.

        A mail program takes a space away, a terminal nothing; a process may have the line break in its name.
        """
        if not self._held or self._held.kernel is False:  # what a program says is no report, however it goes on
            return False
        if self._readings[0][1].kind == LIMIT and _PIECE.match(line.text):
            return self._join([" "], line.text, 0)
        if not line.text or line.prefixed or self._breaks >= _MAX_BREAKS or understand(line.text):
            return False
        same_message = self._head.prefixed and line.indent > self._head.indent
        return (same_message and self._join(["\n"], line.text, 1)) or self._join([" ", ""], line.text, 0)

    def _join(self, spaces: List[str], rest: str, less: int) -> bool:
        """Take the readings that say most, if that is more than is known; add those that say as much."""
        texts = [text + space + rest for text, _told in self._readings for space in spaces]
        text, held = self._readings[0]
        told = ((each, understand(each)) for each in texts)
        longer = [(each, one) for each, one in told if one and held.kind in (UNKNOWN, one.kind)]
        most, known = max((one.weight for _text, one in longer), default=0), held.weight - less
        last = _LAST_VALUES.get(held.kind)
        is_open = last is not None and last not in held.values
        if held.kind == UNKNOWN or most > known or is_open:
            # A table has no names that tell which of its readings says more.
            best = [(each, one) for each, one in longer if one.weight == most or one.kind in (ROW, TABLE)]
            self._readings = best[:_MAX_READINGS] or self._readings
            return bool(best)
        is_likely = rest[:1].isalnum() if self._head.prefixed else rest[:1].isdigit()
        if held.kind in _CUT_ANYWHERE and text[-1:].isalnum() and is_likely:
            self._readings += [each for each in longer if each[1].weight == known]
        return False

    def _missing(self, line: Line) -> List[RecognisedLine]:
        """A gap in the numbers of /dev/kmsg. There is no empty line in it, but for what was passed over before."""
        if line.sequence is None:
            self._sequence = self._sequence if line.text else None
            return []
        before, self._sequence = self._sequence, line.sequence
        missing = line.sequence - before - 1 if before is not None else 0
        return [RecognisedLine(Statement(LOST, {"lines": missing}), line)] if 0 < missing <= _MAX_MISSING else []


def _agreed(told: List[Statement]) -> Statement:
    """What all say. What was cut within a number, a path or a name may be anything, and is left out."""
    first, *others = told
    values = _common(first.values, [one.values for one in others])
    if any(isinstance(value, tuple) and name not in values for name, value in first.values.items()):
        return Statement(KNOWN, {})
    return Statement(first.kind, values)


def _common(values: Dict[str, Any], others: List[Dict[str, Any]]) -> Dict[str, Any]:
    common = {}
    for name, value in values.items():
        theirs = [other.get(name) for other in others]
        if isinstance(value, dict):
            common[name] = _common(value, [each or {} for each in theirs])
        elif all(each == value for each in theirs):
            common[name] = value
    return common


def _recognised_in_line(line: Line, raw: str) -> List[RecognisedLine]:
    dropped = _DROPPED.match(line.text) if "messages dropped" in line.text else None
    if not dropped:
        return _recognised_in_message(line, raw)
    lost = RecognisedLine(Statement(LOST, {"lines": int(dropped.group(1))}), line)
    return [lost] + _recognised_in_message(_within(line, dropped.end()), raw)


def _beyond(line: Line, raw: str) -> List[RecognisedLine]:
    """What is so far to the right that it was not read is not passed over in silence."""
    if len(raw) <= MAX_LINE_CHARS or not LOUD.search(raw, MAX_LINE_CHARS - _MOST_LOUD_CHARS):
        return []
    rest = printable(raw[MAX_LINE_CHARS - _MOST_LOUD_CHARS :])
    return [RecognisedLine(Statement(UNKNOWN, {"line": rest[:_MAX_STRANGE_CHARS]}), line)]


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
        if not inner:
            return found + _recognised_alone(line, statement, raw)
        before = line._replace(text=line.text[: inner.start()].rstrip())
        found += _recognised_alone(before, understand(before.text), raw)
        line = _within(line, inner.start())
    return found


def _recognised_alone(line: Line, statement: Optional[Statement], raw: str) -> List[RecognisedLine]:
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
