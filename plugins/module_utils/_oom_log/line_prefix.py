# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands before a kernel message, by everything that copies kernel messages about.

Read from the outside in: quoting, what a search, a container engine or an exporter puts in front, a priority, the
sequence number of /dev/kmsg (Documentation/ABI/testing/dev-kmsg), wall clock time, host and program (or the header of
RFC 5424), the brackets of printk or dmesg, and what vendors of phones add to those. Each part is optional, each
expression is bounded and tried once or twice on a line.
"""

from __future__ import annotations

import calendar
import re
import time
from functools import lru_cache
from typing import Match, NamedTuple, Optional, Pattern, Tuple

# Longer lines are cut. The longest of a report, with two paths of control groups, stays below that.
MAX_LINE_CHARS = 8192

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_QUOTING = " \t>|\ufeff"
# What is so common at the start of a line that a number or a file before it is that of a search, or a label.
_START = (
    r"(?: *<\d| *\[ *\d{1,10}(?:\.\d|\] +\d)|\[?(?:[A-Z][a-z]{2} ){1,2}[ \d]\d |\[?\d{4}-\d\d-\d\dT"
    r"|\d{1,5},\d+,\d+,|kern *:|\{\")"
)
_AROUND = (
    re.compile(r"[\w.-]{1,80} *\| |\[(?:pod|container)/[^\[\]\s]{1,300}\] ?"),
    re.compile(
        r"(?!kernel:)(?=\S{0,254}[A-Za-z/])[^\s:\[\]<>{}()|,;\"']{1,255}?[:-](?:\d{1,9}[:-])?(?=" + _START + ")"
    ),
    re.compile(r"\d{1,9}[:-](?=" + _START + ")"),
    re.compile(r"\[[A-Za-z][^\[\]:]{0,60}\] ?(?=\[ *\d{1,10}\.\d)"),
    re.compile(r": (?=" + _START + ")"),
    re.compile(r"(?:\S{1,255}: )?(?=(?:kern|user|daemon|syslog): {1,8}[a-z]{3,7}: \[\d{4}-)"),
    re.compile(r"MESSAGE="),
)
_PLAIN_START = re.compile(r"\[ *\d|<\d|[A-Z][a-z]{2} [ \d]\d |\d{4}-\d\d-\d\dT\d\d:\d")
# A table of Kubernetes events; what its node problem detector tells with this reason is a line of the kernel.
_KUBERNETES = re.compile(
    r"(?:.{0,200}\s)?OOMKilling\s.{0,200}?(?=(?:(?:Memory cgroup out|Out) of memory: )?Kill(?:ed)? process \d)"
)
_CONTAINER_STREAM = re.compile(r"(?:stdout|stderr) [FP] ")
_PRIORITY = re.compile(r"<(\d{1,4})>")
# Version, time, host, program, process, message ID and structured data, each "-" where there is none.
_PROTOCOL = re.compile(
    r"1 (-|\d{4}-\S{1,30}) (\S{1,255}) (\S{1,48}) (\S{1,128}) \S{1,32} "
    r"(?:-|(?:\[(?:[^\]\\]|\\.){1,1000}\]){1,9})(?: \ufeff?|$)"
)
_FACILITY = r"(?:kern|user|mail|daemon|auth|syslog|lpr|news|uucp|cron|authpriv|ftp|local\d)"
_DECODED_PRIORITY = re.compile("(" + _FACILITY + r") *: *[a-z]{3,7} *: ?")
# Of netconsole, the version of the kernel may stand before it.
_RECORD = re.compile(r"(?:\d\.[^\s,;]{1,100},)?(\d{1,5}),(\d{1,20}),(\d{1,20}),[^;]{0,200};")

_WORD = r"(?:[^\W\d]{1,12}\.?|\d{1,2}\w)"
_DATE = r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)"
_NAMED_DATE = "(?P<month>" + _WORD + r") +(?P<day>\d{1,2})"
_TIME = r"(?P<time>\d\d:\d\d:\d\d)(?:[.,](?P<fraction>\d{1,9}))?"
_CALENDAR = (
    re.compile(_DATE + "[T ]" + _TIME + r"(?: ?(?P<zone>Z|UTC|[+-]\d\d:?\d\d))?(?= |$)"),
    re.compile(_NAMED_DATE + " " + _TIME + r"(?= |$)(?! \d{4} )(?P<year>)(?P<zone>)"),
    re.compile(_WORD + " " + _NAMED_DATE + " " + _TIME + r" (?P<year>\d{4})(?P<zone>)(?= |$)"),
    re.compile(_WORD + " " + _DATE + " " + _TIME + r" (?P<zone>[A-Za-z]{1,6}|[+-]\d{2,4})(?= |$)"),
    re.compile(r"(?P<month>\d\d)-(?P<day>\d\d) " + _TIME + "(?= )(?P<year>)(?P<zone>)"),
    re.compile(r"(?P<year>)(?P<month>)(?P<day>)(?P<zone>)" + _TIME + "(?= )"),
)
_UNIX = re.compile(r"(\d{9,10})\.(\d{6})(?= )")

_UPTIME = re.compile(r"\[ *(\d{1,10}\.\d{1,9})s?(?: *<[^<>\[\]]{0,30}>| */ *[\d:. -]{5,30})?\] ?")
_SINCE = re.compile(r"\[(?:[A-Z][a-z]{2} ?\d{1,2} \d\d:\d\d| *\+\d{1,7}\.\d{1,9})\] ?")
_BRACKETED_TIME = re.compile(r"\[([^\[\]]{0,30}\d:\d\d:\d\d[^\[\]]{0,20})\](?:: ?| ?)")
# The thread or the CPU of CONFIG_PRINTK_CALLER; then what the kernels of HiSilicon, Samsung and MediaTek (with the
# name of the source file), Spreadtrum and others have: CPU, name and number of the thread, in any order.
_CALLER = re.compile(
    r"\[ *[TC]\d{1,10}\] ?"
    r"|\[pid:\d{1,7},cpu\d[^\[\]]{0,40}\] ?"
    r"|\[\d{4}:\d\d:\d\d \d\d:\d\d:\d\d\] ?"
    r"| ?\[ *\d{1,3}: *[^\[\]]{1,30}: *\d{1,7}\] ?"
    r"| ?-?\(\d{1,2}\) ?\[\d{1,7}:(?:[^\[\]]|\[[^\[\]]{0,12}\]){1,20}\] ?"
    r"|\[name:[^\[\]&]{1,60}&\] ?"
    r"|\(CPU:\d{1,3}-pid:\d{1,7}:[^()]{1,20}\) ?"
    r"|c\d{1,2} +(?!invoked\b|cpuset=)(?:\d{1,7} +(?:\([^()]{1,16}\) ?)?)?"
)

_LEVEL = r"[a-z0-9]{2,9}\.[a-z]{3,7} "
# Not every word of that form: it may be a host.
_PRIORITY_WORD = _FACILITY + r"\.(?:emerg|panic|alert|crit|err|error|warn|warning|notice|info|debug) "
# Any program may call itself that, but has a facility of programs, and often a pid.
_KERNEL = re.compile(
    "(?:(?!"
    + _PRIORITY_WORD
    + r")(?P<host>\S{0,254}[^\s:]) )?(?P<priority>"
    + _PRIORITY_WORD
    + r")?kernel(?:\[0?\])?: ?"
)
_PROGRAM = re.compile(
    r"(?:\S{1,255} )?(?:" + _LEVEL + r")?[^\s:\[\]]{1,64}\[\d{1,10}\]: "
    r"|(?:\S{1,255} (?:" + _LEVEL + ")?|" + _LEVEL + r")[^\s:\[\]]{1,64}: "
)
# Android's logcat: process, thread, level, tag; or level, tag and process alone.
_LOGCAT = re.compile(
    r"(?:\S{1,20} +)??\d{1,7} +\d{1,7} +[VDIWEFS] (?P<tag>[^:]{1,40}?) *: ?"
    r"|[VDIWEFS]/(?P<short_tag>[^:()]{1,40}?) *\( *\d{1,7}\): ?"
)
_LOGGED_PROGRAM = re.compile(r"(?:\S{1,255} )?[^\s:\[\]]{1,64}\[\d{1,10}\]: ")

_COLOUR = re.compile(r"\x1b\[[\d;]{0,12}[mK]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_HEX_ESCAPES = re.compile(r"(?:\\x[0-9a-f]{2})+")


# Time, host and kernel, or time since boot, or both, as most logs have it; then nothing that may be more of a prefix.
_COMMON = re.compile(
    r"(?:(?:(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)|([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d))(?:\.(\d{1,9}))?"
    r"((?<!\d )(?:Z|[+-]\d\d:?\d\d))? (?!\d{4} )([A-Za-z0-9_-]{1,64}) kernel: (?:\[ *(\d{1,10}\.\d{1,9})\] )?"
    r"|\[ *(\d{1,10}\.\d{1,9})\] (?!(?:\S{1,255} ){0,2}\S{1,64}: |[A-Z]/))"
    r"(?=\[ *(?:\d{1,10}|pid) *\] |\d{1,19} [a-z]| *[A-Za-z]| +[<?])(?!c\d|[a-z]{3,8}\d? *: *[a-z]{3,7} *:)"
    r"([^\x1b\n]*)$"
)


class Line(NamedTuple):
    """A line without its prefix, and what the prefix said.

    I(indent) is how much quoting and space stood there, I(prefixed) whether anything else did. I(kernel) is
    true if the prefix is the kernel's, false if it names a program, null if it does not tell. I(wall_seconds)
    orders lines and tells gaps: its zero is arbitrary, for syslog even the year.
    """

    text: str
    indent: int = 0
    prefixed: bool = False
    kernel: Optional[bool] = None
    timestamp: Optional[str] = None
    wall_seconds: Optional[float] = None
    uptime_seconds: Optional[float] = None
    sequence: Optional[int] = None
    host: str = ""


def read_line(raw: str) -> Line:
    """Split one line of a log into prefix and message. Bytes that are not UTF-8 show as C(\\xNN)."""
    common = _COMMON.match(raw, 0, MAX_LINE_CHARS) if raw.isascii() else None
    return _read_common(common) if common else _read_any(raw)


def _read_common(match: Match[str]) -> Line:
    """What stands before most lines, in one go."""
    day, named, fraction, zone, host, later_uptime, uptime, text = match.groups()
    seconds = later_uptime or uptime
    stamp = wall = None
    if day or named:
        stamp, offset, wall = _second(day or named, zone or "")
        if fraction:
            stamp += "." + fraction
            wall = None if wall is None else wall + float("0." + fraction)
        stamp += offset
    return Line(text.strip(), 0, True, True, stamp, wall, float(seconds) if seconds else None, None, host or "")


@lru_cache(maxsize=64)
def _second(moment: str, zone: str) -> Tuple[str, str, Optional[float]]:
    """A time without its fraction: as it is told, its offset, and in seconds."""
    match = _CALENDAR[0].match(moment + zone)
    if match:
        stamp = _timestamp(match)
        return stamp[: len(moment)], stamp[len(moment) :], _wall_seconds(match)
    match = _CALENDAR[1].match(moment)
    return moment, "", _wall_seconds(match) if match else None


def _read_any(raw: str) -> Line:
    text = printable(raw[:MAX_LINE_CHARS])
    bare = text.lstrip(_QUOTING)
    return _Reader(bare).read()._replace(indent=len(text) - len(bare))


class _Reader:
    """Eats a prefix from the left, one part after the other."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.line = Line(text)

    def read(self) -> Line:
        whole = len(self.text)
        if not _PLAIN_START.match(self.text):
            for pattern in _AROUND:
                self._take(pattern)
        if "OOMKilling" in self.text and self._take(_KUBERNETES):
            return self.line._replace(text=self.text.strip(), prefixed=True, kernel=True)
        self._priority()
        if not self._record():
            if not self._protocol():
                self._wall_clock()
            if self.line.kernel is not False:
                self._priority()
                self._brackets()
        return self.line._replace(text=self.text.strip(), prefixed=len(self.text) < whole)

    def _take(self, pattern: Pattern[str]) -> Optional[Match[str]]:
        match = pattern.match(self.text)
        if match:
            self.text = self.text[match.end() :]
        return match

    def _priority(self) -> None:
        """C(<4>), or C(kern  :warn  : ) as C(dmesg --decode) has it. Facility 0 is the kernel."""
        match = self._take(_PRIORITY)
        if match:
            self.line = self.line._replace(kernel=int(match.group(1)) < 8)
        match = self._take(_DECODED_PRIORITY)
        if match:
            self.line = self.line._replace(kernel=match.group(1) == "kern")

    def _record(self) -> bool:
        """C(6,1234,5678901,-;text) of /dev/kmsg: priority, sequence, microseconds since boot, flags.

        Only here C(\\xNN) stands for a byte; elsewhere it is what a name holds, such as that of a unit.
        """
        match = self._take(_RECORD)
        if match:
            self.text = _HEX_ESCAPES.sub(_unescaped, self.text)
            priority, sequence, micros = (int(number) for number in match.groups())
            self.line = self.line._replace(kernel=priority < 8, sequence=sequence, uptime_seconds=micros / 1e6)
        return match is not None

    def _protocol(self) -> bool:
        """C(<4>1 2026-11-23T02:01:29Z host kernel - - - text) of RFC 5424."""
        match = None if self.line.kernel is None else self._take(_PROTOCOL)
        if match:
            stamp, host, program, process = match.groups()
            is_kernel = bool(self.line.kernel) and program == "kernel" and process in ("-", "0")
            self.line = self.line._replace(kernel=is_kernel, host="" if host == "-" else host)
            moment = _CALENDAR[0].match(stamp)
            if moment:
                self._moment(moment)
        return match is not None

    def _wall_clock(self) -> None:
        """The time of a container engine may be followed by that of a log within, which is nearer.

        What follows the name of a program is that program's, however much it looks like the kernel's.
        """
        for _nested in range(2):
            if not (self._calendar() or self._unix()):
                break
            self.text = self.text.lstrip(" ")
            self._take(_CONTAINER_STREAM)
            if self._program(_PROGRAM):
                return
        self._program(None)

    def _calendar(self) -> bool:
        for pattern in _CALENDAR:
            match = self._take(pattern)
            if match:
                self._moment(match)
                return True
        return False

    def _moment(self, match: Match[str]) -> None:
        wall = _wall_seconds(match)
        self.line = self.line._replace(timestamp=_timestamp(match), wall_seconds=wall)

    def _unix(self) -> bool:
        match = self._take(_UNIX)
        if match:
            seconds = int(match.group(1))
            date = "{:04d}-{:02d}-{:02d}T{:02d}:{:02d}:{:02d}".format(*time.gmtime(seconds))
            stamp = date + "." + match.group(2) + "+00:00"
            self.line = self.line._replace(timestamp=stamp, wall_seconds=float(match.group(0)))
        return match is not None

    def _program(self, others: Optional[Pattern[str]]) -> bool:
        """Host, facility and level, program; true if there was one."""
        match = self._take(_LOGCAT)
        if match:
            self.line = self.line._replace(kernel=(match.group("tag") or match.group("short_tag")) == "kernel")
            return True
        match = self._take(_KERNEL)
        if match:
            by_kernel = (match.group("priority") or "kern.").startswith("kern.")
            is_kernel = by_kernel and self.line.kernel is not False
            self.line = self.line._replace(kernel=is_kernel, host=match.group("host") or "")
            return True
        if others and self._take(others):
            self.line = self.line._replace(kernel=False)
            return True
        return False

    def _brackets(self) -> None:
        """Time since boot, or what dmesg made of it, then the calling thread or host and program."""
        uptime = self._take(_UPTIME)
        if uptime:
            self.line = self.line._replace(uptime_seconds=float(uptime.group(1)))
        elif not (self._take(_SINCE) or self._bracketed_time()):
            return
        for _each in range(3):
            self._take(_CALLER)
        if self.line.kernel is None:
            self.line = self.line._replace(kernel=True)
            self._program(_LOGGED_PROGRAM)

    def _bracketed_time(self) -> bool:
        """C(dmesg -T) in the language of whoever ran it."""
        match = self._take(_BRACKETED_TIME)
        if match:
            self.line = self.line._replace(timestamp=match.group(1))
            for pattern in _CALENDAR:
                moment = pattern.match(match.group(1))
                if moment:
                    self._moment(moment)
        return match is not None


def _timestamp(match: Match[str]) -> str:
    """ISO 8601 if date, time and offset are certain, else the text as it stands."""
    month, zone = _month(match), match.group("zone") or ""
    offset = "+00:00" if zone in ("Z", "UTC") else zone
    if not match.group("year") or not month or (offset and len(offset) < 5):
        return match.group(0)
    if len(offset) == 5:
        offset = offset[:3] + ":" + offset[3:]
    fraction = "." + match.group("fraction") if match.group("fraction") else ""
    date = "{}-{:02d}-{:02d}T".format(match.group("year"), month, int(match.group("day")))
    return date + match.group("time") + fraction + offset


def _wall_seconds(match: Match[str]) -> Optional[float]:
    month = _month(match)
    if not month:
        return None
    year, day = int(match.group("year") or 2000), int(match.group("day"))
    hour, minute, second = (int(part) for part in match.group("time").split(":"))
    fraction = float("0." + (match.group("fraction") or "0"))
    return calendar.timegm((max(year, 1), month, day, hour, minute, second)) + fraction


def _month(match: Match[str]) -> int:
    """1 to 12, or 0 for a name that is not English or a number that is no month."""
    name = match.group("month")
    if name.isdecimal():
        return int(name) if 1 <= int(name) <= 12 else 0
    return _MONTHS.index(name) + 1 if name in _MONTHS else 0


def printable(raw: str) -> str:
    """A line without its end, without colours, and with C(\\xNN) for each byte that is not UTF-8."""
    text = raw.rstrip("\r\n")
    if "\x1b" in text:
        text = _COLOUR.sub("", text)
    return _SURROGATE.sub(_shown, text)


def _shown(match: Match[str]) -> str:
    return f"\\x{ord(match.group(0)) & 0xFF:02x}"


def _unescaped(match: Match[str]) -> str:
    octets = bytes.fromhex(match.group(0).replace("\\x", ""))
    return _SURROGATE.sub(_shown, octets.decode("utf-8", "surrogateescape"))
