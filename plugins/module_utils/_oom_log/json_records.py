# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs as JSON: a record on each line or over many, one after the other or in lists, with or without words before it.

C(journalctl --output=json), C(json-pretty), C(json-sse) and C(json-seq), C(dmesg --json), the files of container
engines, what clouds and collectors export. Only one record is held at a time.
"""

from __future__ import annotations

import json
import re
from typing import Any, Iterable, Iterator, List, Optional, Union

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_kinds import LOUD
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_prefix import Line, read_line
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.prefilter import is_noise
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.record import line_of

Raw = Union[str, Line]

_MAX_CHARS = 1 << 18
_MAX_DEPTH = 8
_OPENING = re.compile(r"([^{}\"]{0,300}?)\{(?=\s*(?:\"|$))")
_SIGNS_BETWEEN = re.compile(r"(?:data: ?|[\x1e\s\[\],}])*$")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_BRACE = re.compile("[{}]")
_PLAIN_MESSAGE = re.compile(r'\{"[^{}]*?"MESSAGE" ?: ?"([^"\\{}]*)"[^{}]*\}\s*$')
_DECODER = json.JSONDecoder()


def read(head: Iterable[Raw], lines: Iterable[Raw]) -> Iterable[Raw]:
    """The line of each record, if there is JSON in this log. Lines that are none stay as they are."""
    is_in = any(isinstance(raw, str) and "{" in raw and _opening(raw) is not None for raw in head)
    return _Reader().read(lines) if is_in else lines


def _opening(raw: str, start: int = 0) -> Optional[int]:
    """Where JSON begins on a line, from I(start) on. What a program says in JSON is none of the log's."""
    match = _OPENING.match(raw, start)
    if not match:
        return None
    front = match.group(1)
    if not _SIGNS_BETWEEN.match(front) and (read_line(front + "x").text != "x" or read_line(front).kernel is False):
        return None
    return match.end() - 1


def _is_noise(raw: str) -> bool:
    """Whether this is an entry of a journal, with a message that is passed over wherever it stands."""
    message = _PLAIN_MESSAGE.match(raw)
    return message is not None and is_noise("[ 0.0] " + message.group(1))


class _Reader:
    """Collects lines until the braces of a record are closed."""

    def __init__(self) -> None:
        self._held: List[str] = []
        self._chars = self._depth = 0

    def read(self, lines: Iterable[Raw]) -> Iterator[Raw]:
        for raw in lines:
            if isinstance(raw, Line) or not (self._held or "{" in raw):
                yield raw
            elif not self._held and _is_noise(raw):
                continue
            elif self._held or _opening(raw) is not None:
                yield from self._take(raw)
            else:
                yield raw
        yield from self._held

    def _take(self, raw: str) -> Iterator[Raw]:
        if self._held and self._held[-1].rstrip().endswith("[") and raw.strip().startswith("{"):
            yield from self._given_up()  # the records are in a list of this one
        self._held.append(raw)
        self._chars += len(raw)
        if self._is_closed_by(raw):
            yield from self._records()
        elif self._chars > _MAX_CHARS:
            yield from self._given_up()

    def _is_closed_by(self, raw: str) -> bool:
        is_closed = False
        for brace in _BRACE.findall(_STRING.sub("", raw)):
            self._depth += 1 if brace == "{" else -1
            is_closed = is_closed or self._depth <= 0
        return is_closed

    def _taken(self) -> List[str]:
        """What was held until now."""
        held, self._held = self._held, []
        self._chars = self._depth = 0
        return held

    def _given_up(self) -> Iterator[Raw]:
        yield from (raw for raw in self._taken() if LOUD.search(raw))

    def _records(self) -> Iterator[Raw]:
        text = "\n".join(raw.rstrip("\r\n") for raw in self._taken())
        end = 0
        while True:
            start = _opening(text, end)
            if start is None:
                break
            try:
                value, after = _DECODER.raw_decode(text, start)
            except (ValueError, RecursionError):
                break
            yield from _lines_of(value, text[start:after])
            end = after
        if text[end:].strip():
            yield from self._rest(text[end:])

    def _rest(self, text: str) -> Iterator[Raw]:
        """What follows the last whole record: the start of the next one, or nothing that is known."""
        if _OPENING.match(text):
            self._held, self._chars = [text], len(text)
            self._is_closed_by(text)
            if self._depth > 0:
                return
            self._taken()
        if LOUD.search(text):
            yield text


def _lines_of(value: Any, text: str, depth: int = 0) -> Iterator[Raw]:
    """The lines in a value; the text itself if there is none and it speaks of a kill."""
    if isinstance(value, dict):
        line = line_of(value)
        if line:
            yield from _unpacked(line, depth)
            return
        value = list(value.values())
    lists = [each for each in value if isinstance(each, (dict, list))]
    found = [line for each in lists for line in _lines_of(each, "", depth + 1)] if depth < _MAX_DEPTH else []
    yield from found
    if not found and LOUD.search(text):
        yield text


def _unpacked(line: Line, depth: int) -> Iterator[Raw]:
    """A message that is JSON itself: what an engine kept of a collector's words."""
    if line.text.startswith('{"') and line.text.endswith("}") and depth < _MAX_DEPTH:
        try:
            inner = list(_lines_of(json.loads(line.text), "", depth + 1))
        except (ValueError, RecursionError):
            inner = []
        if inner:
            yield from inner
            return
    yield line
