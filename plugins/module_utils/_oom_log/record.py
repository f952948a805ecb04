# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A record of a structured log, whoever wrote it, as the line of a log that it holds.

Journals (systemd.journal-fields(7)), C(dmesg --json), container engines, node agents and clouds agree on little: names
are compared in small letters and without the signs before them.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_prefix import Line, read_line

_MESSAGE = (
    "message", "msg", "log", "textpayload", "short_message", "raw", "line", "text", "event", "body", "stringvalue",
    "content", "eventmessage", "syslogmessage", "rendereddescription",
)  # fmt: skip
_PROGRAM = ("syslog_identifier", "appname", "app_name", "app-name", "programname", "ident", "processname")
_HOST = ("hostname", "host", "computer", "node")
_TIME = (
    "source_realtime_timestamp", "realtime_timestamp", "timestamp", "time", "ts", "date", "datetime", "eventtime",
    "lasttimestamp", "timegenerated", "timeunixnano", "timestamp_ns",
)  # fmt: skip
# By the number of digits of a time: seconds since 1970, or a thousandth, millionth, billionth of them.
_DIGITS_OF_SECONDS = 10
_DIGITS_OF_NANOSECONDS = 19
_MAX_DEPTH = 8


def line_of(record: Mapping[str, Any]) -> Optional[Line]:
    """The line in a record, with what the record and the start of the message say of it; None if it has no message."""
    fields = _flat(record)
    message = _first_text(fields, _MESSAGE)
    if message is None:
        return None
    line, clock = read_line(message), _clock(fields)
    is_kernel, host = _is_kernel(fields), _text(next((fields[name] for name in _HOST if name in fields), None))
    if line.timestamp is None:
        line = line._replace(timestamp=clock.timestamp, wall_seconds=clock.wall_seconds)
    if line.uptime_seconds is None:
        line = line._replace(uptime_seconds=clock.uptime_seconds)
    kernel = line.kernel if is_kernel is None else is_kernel and line.kernel is not False
    return line._replace(kernel=kernel, host=line.host or host or "", prefixed=True, indent=0)


def _flat(record: Mapping[str, Any]) -> Dict[str, Any]:
    """All fields by their last name, the outermost of each; what is in lists stays there."""
    fields: Dict[str, Any] = {}
    level: List[Mapping[str, Any]] = [record]
    for _depth in range(_MAX_DEPTH):
        inner: List[Mapping[str, Any]] = []
        for part in level:
            for name, value in part.items():
                if isinstance(value, dict):
                    inner.append(value)
                else:
                    fields.setdefault(name.strip("_@").lower(), value)
        level = inner
    return fields


def _text(value: Any) -> Optional[str]:
    """A field of a journal that is not plain text is a list of its bytes; one that is there twice a list of both."""
    if isinstance(value, list) and value:
        if all(isinstance(octet, int) and 0 <= octet < 256 for octet in value):
            return bytes(value).decode("utf-8", "surrogateescape")
        return _text(value[0])
    return value if isinstance(value, str) else None


def _first_text(fields: Mapping[str, Any], names: Iterable[str]) -> Optional[str]:
    return next((text for text in (_text(fields.get(name)) for name in names) if text), None)


def _is_kernel(fields: Mapping[str, Any]) -> Optional[bool]:
    transport = _text(fields.get("transport"))
    if transport:
        return transport == "kernel"
    if "msg" in fields and "pri" in fields:  # dmesg --json, with or without --decode
        level = fields["pri"]
        return level < 8 if isinstance(level, int) else fields.get("fac", "kern") == "kern"
    program = _first_text(fields, _PROGRAM)
    return program.rstrip(":") == "kernel" if program else None


def _clock(fields: Mapping[str, Any]) -> Line:
    """The time of the record, and that since boot, by the clock of printk."""
    told = [fields[name] for name in _TIME if fields.get(name) not in (None, "")]
    line = _moment(told[0]) if told else Line("")
    uptime = _text(fields.get("source_monotonic_timestamp")) or ""
    if uptime.isdecimal() and len(uptime) < _DIGITS_OF_NANOSECONDS:
        return line._replace(uptime_seconds=int(uptime) / 1e6)
    return line


def _moment(value: Any) -> Line:
    if isinstance(value, float) or (isinstance(value, int) and len(str(value)) < _DIGITS_OF_SECONDS):
        if 0 <= value < 10 ** (_DIGITS_OF_SECONDS - 1):
            return Line("", uptime_seconds=float(value))
        value = f"{value:.6f}" if 0 < value < 10**_DIGITS_OF_SECONDS else ""
    text = str(value).strip()
    if text.isdecimal() and _DIGITS_OF_SECONDS <= len(text) <= _DIGITS_OF_NANOSECONDS:
        text = f"{text[:_DIGITS_OF_SECONDS]}.{text[_DIGITS_OF_SECONDS:]:0<6.6}"
    return read_line(text + " kernel: ")
