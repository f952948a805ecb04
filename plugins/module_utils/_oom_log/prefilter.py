# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a log can be passed over at first sight: most of it, in most logs.

First whole blocks of lines, at a few looks each: those without a word of the OOM killer, unless the block before or
behind has one. Then each line that is surely about something else: it has one of the common prefixes, and none of
the words and shapes that the recognisers (line_kinds, size_lines) look for. Any other is read in full.
"""

from __future__ import annotations

import re
from io import TextIOBase
from itertools import islice
from typing import Iterable, Iterator, List, Tuple, Union

_BLOCK_CHARS = 1 << 13
_CHUNK_CHARS = 1 << 20
_BLOCK_LINES = 64
# In small letters; fewer of them than below, as a report has one of these every few lines.
_BLOCK_WORDS: Tuple[str, ...] = ("oom", "process", "memory", "linux version ")
# Messages as lists of octets, which hide their words.
_OCTETS = ('"message":[', '"message" : [')
_ROW = re.compile(r"\] +\d+ +\d+ +\d")
# Others say "process" and "memory", too, and often: systemd of each unit that ends.
_COMMON_WORDS = ("process", "memory")
_CLOSER = re.compile(
    r"kill(?:ed|ing)?.{1,6}process|reaped process|(?:of|to|on|same) memory|enough.memory|memory cgroup|lowmemory"
    r"|memory(?:\+swap)?: usage|memory\.oom"
)
# Every recogniser wants one of these, or a shape below. In small letters.
_WORDS = (
    "oom", "kill", "memory", "imit ", ": usage ", "omm: ", "page", "swap", "panic", "suppressed", "linux version ",
    "dropped", "task in ", "\x1b",
)  # fmt: skip
_UPTIME = r"\[ *\d{1,10}\.\d{1,9}\] ?"
_KERNEL = r"(?:\S{1,254} ){0,2}kernel(?:\[\d{0,10}\])?: ?"
_DATE = r"(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) "
_PROGRAM = r"\S{1,254} [^\s:\[\]]{1,64}\[\d{1,10}\]: "
# Time since boot, then perhaps host and kernel; or a date, host, and the kernel or a program. Then the message.
_PREFIX = re.compile(f"{_UPTIME}(?:{_KERNEL})?|{_DATE}(?!\\d{{4}} )(?:{_KERNEL}(?:{_UPTIME})?|{_PROGRAM})")
# A path, a row of the table, its header, a blob, "**", "-- Boot", "<4>"; "DMA: 1*4kB", "anon 4096", "free:1",
# "kern :err:", "c1 60 ".
_SHAPE = re.compile(
    r"\s*(?:[\[(*</-]|c\d{1,2} |[A-Z][\w ]{2,20}: \d{1,10}\*"
    r"|[a-z_]{3,20} \d{1,19}\s*$|[A-Za-z_]{3,30}:\d{1,19}(?:\s|$)|[a-z]{3,6}\d? *:[a-z]{3,6} *:)"
)

# The same for sed -r, behind whatever prefix: an extended regular expression for the lines that may matter.
_LETTERS = "".join(f"[{each.upper()}{each}]" if each.isalpha() else each for each in "|".join(_WORDS[:-1]))
SHELL_PATTERN = "|".join(
    [
        _LETTERS,
        "\\[ *([0-9]+|pid) *\\] |\\[[0-9]+B blob",
        "^-- |\\*\\*|<[0-9]",
        "[A-Za-z_]{3,30}:[0-9]{1,19}([[:blank:]]|$)",
        "(^|: |\\] )[[:blank:]]*[a-z_]{3,20} [0-9]{1,19}[[:blank:]]*$",
    ]
)


def worth_reading(log: Union[str, TextIOBase, Iterable[str]]) -> Iterator[str]:
    """The lines of the blocks that may be about the OOM killer, and the first block, which tells what the log is in.

    Of what is passed over the last line stays, for the context of the next; an empty line before it shows the gap.
    """
    held: Union[str, List[str], None] = None
    gap = ""
    was_near, words = True, _BLOCK_WORDS
    for block in _blocks(log):
        text = block if isinstance(block, str) else "\n".join(block)
        if words is _BLOCK_WORDS and was_near and "{" in text:
            words += _OCTETS
        speaks = _speaks(text.lower(), words)
        if speaks and gap:
            yield from ("", gap)
            gap = ""
        if speaks and held is not None:
            yield from _lines(held)
        if speaks or was_near:
            yield from _lines(block)
            held = None
        else:
            gap = gap if held is None else _lines(held)[-1]
            held = block
        was_near = speaks


def _speaks(text: str, words: Tuple[str, ...]) -> bool:
    for word in words:
        if word in text and (word not in _COMMON_WORDS or _CLOSER.search(text)):
            return True
    return _ROW.search(text) is not None


def _lines(block: Union[str, List[str]]) -> List[str]:
    return block.split("\n") if isinstance(block, str) else block


def _blocks(log: Union[str, TextIOBase, Iterable[str]]) -> Iterator[Union[str, List[str]]]:
    """Lines, as they are or as one text without the end of the last."""
    if isinstance(log, str):
        yield from _cut(log)
    elif isinstance(log, TextIOBase):
        yield from _read(log)
    else:
        rest = iter(log)
        lines = list(islice(rest, _BLOCK_LINES))
        while lines:
            yield lines
            lines = list(islice(rest, _BLOCK_LINES))


def _read(stream: TextIOBase) -> Iterator[str]:
    text = stream.read(_CHUNK_CHARS)
    while text:
        text += stream.readline()
        yield from _cut(text[:-1] if text.endswith("\n") else text)
        text = stream.read(_CHUNK_CHARS)


def _cut(text: str) -> Iterator[str]:
    start = 0
    while True:
        end = text.find("\n", start + _BLOCK_CHARS)
        if end < 0:
            yield text[start:]
            return
        yield text[start:end]
        start = end + 1


def is_noise(raw: str) -> bool:
    """Whether a line has a prefix of its own and nothing about memory behind it."""
    prefix = _PREFIX.match(raw)
    if prefix is None or _SHAPE.match(raw, prefix.end()) or raw.find("\n", 0, -1) >= 0:
        return False
    lower = raw.lower()
    for word in _WORDS:  # noqa: SIM110  (all() takes half as long again)
        if word in lower:
            return False
    return True
