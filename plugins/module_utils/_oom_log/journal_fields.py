# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Journals as C(journalctl --output=export) and C(--output=verbose) print them: a field on each line.

Source: systemd's Journal Export Formats. In an export an empty line ends an entry, and a field that is not plain text
is its name, eight bytes of its length, least first, and that many bytes.
"""

from __future__ import annotations

import re
from typing import Dict, Iterable, Iterator, List, Optional, Union

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_kinds import LOUD
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_prefix import Line
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.record import line_of

_FIELD = re.compile(r"(?: {4})?(_{0,2}[A-Z][A-Z0-9_]{0,63})=(.*)", re.S)
_NAME = re.compile(r"_{0,2}[A-Z][A-Z0-9_]{0,63}$")
_TELLING = re.compile("(?: {4})?(?:__CURSOR|__REALTIME_TIMESTAMP|_TRANSPORT|_BOOT_ID|MESSAGE)=|MESSAGE$")
_ENTRY = re.compile(r"\S{1,12} (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,6})?) (\S{1,6}) \[s=")
_LENGTH_OCTETS = 8
_MAX_OCTETS = 1 << 16


def read(head: List[str], lines: Iterable[str]) -> Iterable[Union[str, Line]]:
    """The line of each entry, if this is such a journal. Lines that are no fields stay as they are."""
    return _entries(iter(lines)) if any(map(_TELLING.match, head)) else lines


def _entries(lines: Iterator[str]) -> Iterator[Union[str, Line]]:
    fields: Dict[str, str] = {}
    for raw in lines:
        text = raw.rstrip("\r\n")
        entry, field, name = _ENTRY.match(text), _FIELD.match(text), _NAME.match(text)
        starts = entry is not None or not text or (field is not None and field.group(1) in ("__CURSOR", "MESSAGE"))
        if starts and (not field or field.group(1) in fields):
            yield from _line(fields)
            fields = {"TIMESTAMP": f"{entry.group(1)}T{entry.group(2)} {entry.group(3)}"} if entry else {}
        if field:
            fields.setdefault(field.group(1), field.group(2))
        elif name and not entry:
            fields.setdefault(name.group(), _octets(lines))
        elif text and not entry:
            yield raw
    yield from _line(fields)


def _line(fields: Dict[str, str]) -> Iterator[Union[str, Line]]:
    line = line_of(fields)
    if line:
        yield line
    else:
        yield from (value for value in fields.values() if LOUD.search(value))


def _octets(lines: Iterator[str]) -> str:
    """The value of a field whose name stood alone."""
    data = b""
    length: Optional[int] = None
    for raw in lines:
        data += raw.rstrip("\n").encode("utf-8", "surrogateescape") + b"\n"
        if length is None and len(data) > _LENGTH_OCTETS:
            length = min(int.from_bytes(data[:_LENGTH_OCTETS], "little"), _MAX_OCTETS)
        if length is not None and len(data) > _LENGTH_OCTETS + length:
            break
    return data[_LENGTH_OCTETS : _LENGTH_OCTETS + (length or 0)].decode("utf-8", "surrogateescape")
