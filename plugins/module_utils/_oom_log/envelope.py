# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a log as a whole has been put into: a mail, a web page, a terminal of so many columns, records.

Each layer is told by the start of the text, once, and taken off all of it, from the outside in.
"""

from __future__ import annotations

import html
import re
from itertools import chain, islice
from typing import Iterable, Iterator, List, Match, Tuple, TypeVar, Union

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log import hard_wrap, journal_fields, json_records
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_prefix import Line

_Any = TypeVar("_Any")

# How many lines are looked at.
_LINES_TO_TELL = 2000
_MAX_JOINED_CHARS = 1 << 16

_QUOTED_PRINTABLE = re.compile("Content-Transfer-Encoding: *quoted-printable", re.I)
_ENCODED_SIGN = re.compile("=3[Dd]")
_PLAIN_SIGN = re.compile("=(?![0-9A-Fa-f]{2}|$)")
_SOFT_BREAK = re.compile("[^ ].{69,74}=$")
_OCTETS = re.compile("(?:=[0-9A-Fa-f]{2})+")

_ATTRIBUTES = r"(?:\s[^<>]{0,300})?/?>"
_TAG = re.compile(
    "</?(?:a|b|i|u|em|code|span|font|head|meta|table|tbody|thead|strong|samp|kbd|tt|title)" + _ATTRIBUTES,
    re.I,
)
_BREAK = re.compile("</?(?:br|p|div|pre|body|html|li|ul|ol|tr|h[1-6])" + _ATTRIBUTES, re.I)
_CELL = re.compile("</?t[dh]" + _ATTRIBUTES, re.I)
_ENTITY = re.compile("&(?:quot|nbsp|gt|lt|amp|#\\d{2,5}|#x[0-9a-f]{2,5});", re.I)
# What a process is called stands in brackets or begins a line, and makes no web page of a log.
_NAME = re.compile(r"\([^()]{0,64}\)|^.{0,120} invoked oom")


def opened(lines: Iterable[str]) -> Iterable[Union[str, Line]]:
    """The lines of the log itself: as text, or read already where a record said what each part is."""
    for taken_off in (_decoded, hard_wrap.unwrapped, _without_markup, hard_wrap.unwrapped):
        lines = taken_off(*_looked_at(lines))
    entries = journal_fields.read(*_looked_at(lines))
    return json_records.read(*_looked_at(entries))


def _looked_at(lines: Iterable[_Any]) -> Tuple[List[_Any], Iterator[_Any]]:
    rest = iter(lines)
    head = list(islice(rest, _LINES_TO_TELL))
    return head, chain(head, rest)


def _decoded(head: List[str], lines: Iterable[str]) -> Iterable[str]:
    """Quoted-printable (RFC 2045): "=" is "=3D", and one at the end joins two lines, none longer than 76."""
    encoded = sum(len(_ENCODED_SIGN.findall(line)) for line in head)
    plain = sum(len(_PLAIN_SIGN.findall(line)) for line in head)
    joined = sum(map(bool, map(_SOFT_BREAK.match, head)))
    is_declared = any(map(_QUOTED_PRINTABLE.match, head))
    return _from_quoted_printable(lines) if encoded + joined and (is_declared or encoded + joined > plain) else lines


def _from_quoted_printable(lines: Iterable[str]) -> Iterator[str]:
    held = ""
    for raw in lines:
        held += raw.rstrip("\r\n")
        if held.endswith("=") and len(held) < _MAX_JOINED_CHARS:
            held = held[:-1]
            continue
        yield held if _PLAIN_SIGN.search(held) else _OCTETS.sub(_octets, held)
        held = ""
    yield held


def _octets(match: Match[str]) -> str:
    return bytes.fromhex(match.group().replace("=", "")).decode("utf-8", "surrogateescape")


def _without_markup(head: List[str], lines: Iterable[str]) -> Iterable[str]:
    """HTML. A few tags and entities are all that a log can have met in a page."""
    for line in head:
        if "<" in line or "&" in line:
            rest = _NAME.sub("", line)
            if any(pattern.search(rest) for pattern in (_TAG, _BREAK, _CELL, _ENTITY)):
                return _from_html(lines)
    return lines


def _from_html(lines: Iterable[str]) -> Iterator[str]:
    for raw in lines:
        text = _TAG.sub("", _CELL.sub(" ", _BREAK.sub("\n", raw.rstrip("\r\n"))))
        yield from html.unescape(text).replace("\xa0", " ").split("\n")
