# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a sysctl file, line by line, as each of the programs that load it at boot reads it.

The programs agree on plain C(key = value) lines and on little else. What they do was read in their sources and
compared with what they do when run (tests/precedence): systemd 252 and 257 (src/sysctl/sysctl.c), procps
3.3.17, 4.0.2 and 4.0.4 (sysctl.c), BusyBox 1.35 and 1.37 (procps/sysctl.c, libbb/parse_config.c). Only read was
systemd of Red Hat, 219 and 239.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import (
    TYPE_CHECKING,
    Callable,
    Dict,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Tuple,
    TypeVar,
)

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError, TooMuch, Unsupported

if TYPE_CHECKING:
    from typing import Literal

    # systemd-244 and older know no patterns, systemd-243 and older no minus in front, and systemd-219 is Red Hat's.
    # procps3 is 3.3.17; procps3-run-first is 3.3.16 and older, where /run hides /etc.
    Loader = Literal[
        "systemd", "systemd-244", "systemd-243", "systemd-219", "procps", "procps3", "procps3-run-first", "busybox"
    ]
else:  # Literal came with Python 3.8
    Loader = str

_Entry = TypeVar("_Entry")

_SEPARATOR = re.compile(r"[./]")
_SWAP = str.maketrans("./", "/.")
_COMMENTS = "#;"
_BLANKS = " \t\n\r"
_C_SPACE = " \t\n\v\f\r"
_SYSTEMD_EOL = re.compile(r"(?:\n\r?|\r\n?)\0?|\0")
MOST_LINES = 50_000  # that are neither blank nor comments
_SYSTEMD_LONGEST_LINE_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Assignment:
    """A line that sets I(key) to I(value), or one that keeps patterns away from it (I(excludes)).

    I(key) is dotted as C(normalise()) leaves it; where I(is_glob) it is a pattern. I(path) and I(line) (from
    1) say where it stands. I(ignore_failure) is the leading C(-) of C(-key = value). I(excludes) is C(-key)
    with no value; I(value) is then empty.
    """

    key: str
    value: str
    path: str
    line: int
    ignore_failure: bool = False
    excludes: bool = False

    @property
    def is_glob(self) -> bool:
        """The key has a wildcard (glob(7)). Only systemd and procps 4 expand them."""
        return any(mark in self.key for mark in "*?[")


@dataclass(frozen=True)
class Problem:
    """A line that the loader drops, with its text and the reason."""

    text: str
    path: str
    line: int
    why: str


@dataclass(frozen=True)
class ParsedFile:
    """Everything that a file says, in order; lines that are dropped are I(problems)."""

    assignments: Tuple[Assignment, ...]
    problems: Tuple[Problem, ...]


class _KeyValue(NamedTuple):
    key: str
    value: Optional[str]
    minus: bool = False


class _MalformedError(LifeboatError):
    """The loader drops this line."""


class _Dialect(NamedTuple):
    lines: Callable[[str], Iterator[Tuple[int, str]]]
    line: Callable[[str], Optional[_KeyValue]]
    longest_bytes: Optional[int] = None


def parse(text: str, path: str, loader: Loader = "systemd") -> ParsedFile:
    """What I(loader) understands of a file; I(path) is only carried along.

    Lines are counted as the loader counts them, which differs from an editor only in a text with lone
    carriage returns or NULs. Lines joined by a backslash (BusyBox alone does that) have the number of the
    first. Raises Unsupported for an unknown loader, TooMuch for more lines than somebody writes.
    """
    dialect = of_loader(_DIALECTS, loader)
    assignments: List[Assignment] = []
    problems: List[Problem] = []
    for number, line in dialect.lines(text):
        if dialect.longest_bytes is not None and _bytes(line) >= dialect.longest_bytes:
            why = f"{loader} stops reading here: longer than {dialect.longest_bytes - 1} bytes"
            problems.append(Problem(line[:80] + "…", path, number, why))
            break
        try:
            said = dialect.line(line)
            if said is not None:
                assignments.append(_assignment(said, path, number))
        except _MalformedError as error:
            problems.append(Problem(line.strip(_C_SPACE), path, number, str(error)))
        TooMuch.check(f"{path}: lines", len(assignments) + len(problems), MOST_LINES)
    return ParsedFile(tuple(assignments), tuple(problems))


def line_starts(text: str, loader: Loader = "systemd") -> List[int]:
    """Where each line begins in the text, in the order in which C(parse()) numbers them."""
    ends = (_SYSTEMD_EOL if loader == "systemd" else re.compile("\n")).finditer(text)
    return [0, *(end.end() for end in ends)]


def numbered_lines(text: str, loader: Loader = "systemd") -> Iterator[Tuple[int, str]]:
    """The lines of a text with the numbers that C(parse()) gives them."""
    return of_loader(_DIALECTS, loader).lines(text)


def normalise(name: str) -> str:
    """The dotted form of a name as it is written in a file.

    The first separator decides: where it is a dot, a slash further on stands for a dot in a name; where it is
    a slash, the name is a path. So C(net.ipv4.conf.eth0/100.forwarding) is the dotted form of
    C(net/ipv4/conf/eth0.100/forwarding). (sysctl.d(5), sysctl(8); systemd sysctl_normalize(), procps
    slashdot())
    """
    first = _SEPARATOR.search(name)
    return swapped(name) if first is not None and first.group() == "/" else name


def swapped(name: str) -> str:
    """Dots and slashes exchanged: from a dotted key to its path below C(/proc/sys) and back, without loss."""
    return name.translate(_SWAP)


def proc_path(key: str) -> str:
    """The file of a dotted key."""
    return "/proc/sys/" + swapped(key)


def of_loader(table: Mapping[str, _Entry], loader: Loader) -> _Entry:
    """The entry of I(loader). Raises Unsupported, naming those that are known."""
    try:
        return table[loader]
    except KeyError:
        raise Unsupported(f"{loader!r} is not a known sysctl loader: {', '.join(table)}") from None


def _assignment(pair: _KeyValue, path: str, number: int) -> Assignment:
    if not pair.key:
        raise _MalformedError("no key")
    if pair.value is None:
        return Assignment(pair.key, "", path, number, excludes=True)
    return Assignment(pair.key, pair.value, path, number, ignore_failure=pair.minus)


def _bytes(line: str) -> int:
    return len(line.encode("utf-8", "surrogateescape"))


def _systemd_lines(text: str) -> Iterator[Tuple[int, str]]:
    """A line feed, a carriage return and a NUL all end a line, and one of each in a row is one end."""
    return enumerate(_SYSTEMD_EOL.split(text), 1)


def _c_lines(text: str) -> Iterator[Tuple[int, str]]:
    """Only a line feed ends a line; what follows a NUL in it is not seen."""
    for number, line in enumerate(text.split("\n"), 1):
        yield number, line.partition("\0")[0]


def _continued_lines(text: str) -> Iterator[Tuple[int, str]]:
    """As above, and a backslash at the end joins the next line."""
    start, slashes = 1, 0
    held: List[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        body = line.rstrip("\\")
        if body:
            held += ["\\" * slashes, body]
            slashes = 0
        slashes += len(line) - len(body)
        if slashes:
            slashes -= 1
            continue
        yield start, "".join(held).partition("\0")[0]
        start, held = number + 1, []
    yield start, ("".join(held) + "\\" * slashes).partition("\0")[0]


def _systemd_line(line: str) -> Optional[_KeyValue]:
    line = line.strip(_BLANKS)
    if not line or line[0] in _COMMENTS:
        return None
    name, value, minus = _split(line)
    key = simplified(normalise(name.strip(_BLANKS)))
    if "//" in key.split("."):
        raise _MalformedError("systemd refuses a key with '..' in its path")  # 247 did not
    return _KeyValue(key, None if value is None else value.strip(_BLANKS), minus)


def _systemd_244_line(line: str) -> Optional[_KeyValue]:
    """C(-key) alone is no assignment."""
    said = _systemd_line(line)
    if said is not None and said.value is None:
        raise _MalformedError("no value: systemd before 245 wants key = value")
    return said


def _systemd_243_line(line: str) -> Optional[_KeyValue]:
    """A minus is part of the name, so that C(-key = value) reaches nothing."""
    said = _systemd_244_line(line)
    return said if said is None or not said.minus else said._replace(key="-" + said.key, minus=False)


def _procps_line(line: str) -> Optional[_KeyValue]:
    line = line.lstrip(_C_SPACE)
    if not line or line[0] in _COMMENTS:
        return None
    name, value, minus = _split(line)
    if minus and name.startswith("-"):  # setting_new() drops a second one
        name = name[1:]
    key = normalise(name.rstrip(_C_SPACE))
    return _KeyValue(key, None if value is None else value.strip(_C_SPACE), minus)


def _procps3_line(line: str) -> Optional[_KeyValue]:
    """3.3.17. A line with no C(=) makes it write C(=) and leftovers of its buffer, which no number takes."""
    line = line.rstrip(_BLANKS).lstrip(" \t")
    if not line or line[0] in _COMMENTS:
        return None
    name, _unused, rest = line.lstrip("=").partition("=")
    value = re.split("[\n\r]", rest.lstrip(_BLANKS[2:]))[0]
    if not value:
        raise _MalformedError("no value: procps 3 wants key = value")
    minus = name.startswith("-")
    return _KeyValue(normalise(name[1 if minus else 0 :].rstrip(_BLANKS)), value.lstrip(" \t"), minus)


def _busybox_line(line: str) -> Optional[_KeyValue]:
    """A leading minus is part of the name here, so that C(-key = value) reaches nothing."""
    blank_or_comment = line.lstrip(_C_SPACE)[:1]
    if not blank_or_comment or blank_or_comment in _COMMENTS:
        return None
    name, _unused, value = line.partition("=")
    if value[:1] in ("", "#"):
        raise _MalformedError("no value: BusyBox wants key=value")
    value = value.strip(_C_SPACE)
    if not value:
        raise _MalformedError("an empty value: BusyBox writes nothing")
    return _KeyValue(normalise(name.strip(_C_SPACE)), value)


def _split(line: str) -> Tuple[str, Optional[str], bool]:
    """Name, value (C(None) where there is no C(=)) and whether a minus came first."""
    name, equals, value = line.partition("=")
    minus = name.startswith("-")
    if not equals and not minus:
        raise _MalformedError("neither key = value nor -key")
    return name[1 if minus else 0 :], value if equals else None, minus


def simplified(key: str) -> str:
    """A dotted key without the doubled, leading and trailing separators and C(/./) that its path may have."""
    return ".".join(part for part in key.split(".") if part not in ("", "/"))


_DIALECTS: Dict[str, _Dialect] = {
    "systemd": _Dialect(_systemd_lines, _systemd_line, _SYSTEMD_LONGEST_LINE_BYTES),
    # Only a line feed ends a line up to 239.
    "systemd-244": _Dialect(_c_lines, _systemd_244_line),
    "systemd-243": _Dialect(_c_lines, _systemd_243_line),
    "systemd-219": _Dialect(_c_lines, _systemd_243_line),
    "procps": _Dialect(_c_lines, _procps_line),
    "procps3": _Dialect(_c_lines, _procps3_line),
    "procps3-run-first": _Dialect(_c_lines, _procps3_line),
    "busybox": _Dialect(_continued_lines, _busybox_line),
}
