# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a file of a device may leave it: the lines that matter, each in its place. The others may hold passwords."""

from __future__ import annotations

import re
from typing import Callable, Iterable, Optional

# Stands for what is not shown. No reader takes it for an assignment, a section, a number or a comment.
HIDDEN = "..."
_BLANKS = " \t"
_ENDS_OF_LINES = re.compile("([\n\r\0])")
# May be the rest of a setting that goes on from the line before. Of one digit alone grep might tell of any line.
_NUMBER = re.compile(r"[ \t]*[-+0-9][0-9]{1,4}[ \t]*\\*")
# For grep(1) in the C locale: what may stand in front of the first character, a byte order mark too.
_START = "^[^!-~]*"
_END = "[^!-~]*$"


def kept_lines(text: str, keep: Callable[[str], Optional[str]]) -> str:
    """I(text) with each line as I(keep) shows it; where that is C(None), only of what kind it is.

    A comment stays one, a line that goes on goes on, and no line changes its number. What C(shell_pattern()) finds of
    a text is kept as the text itself is.
    """
    pieces = _ENDS_OF_LINES.split(text)
    pieces[::2] = [_kept(line, keep) for line in pieces[::2]]
    return "".join(pieces)


def _kept(line: str, keep: Callable[[str], Optional[str]]) -> str:
    bare = line.strip(_BLANKS)
    if not bare.rstrip("\\") and line.endswith(bare):  # nothing, though it may go on
        return bare
    found = line if _NUMBER.fullmatch(line) else keep(line)
    if found is not None:
        return found
    kind = bare[0] if bare[0] in "#;[" else ""
    if kind == "[" and bare.endswith("]"):
        return kind + HIDDEN + "]"
    # Whether it is an assignment matters to some readers.
    return kind + HIDDEN + ("=" + HIDDEN if "=" in line and not kind else "") + "\\" * goes_on(line)


def goes_on(line: str) -> bool:
    """Whether the next line belongs to this one: it ends with a backslash, which no other one takes back."""
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def shell_pattern(patterns: Iterable[str]) -> str:
    """An extended regular expression for C(grep -o): lines that match one of I(patterns) whole; of others the first
    character, what ends or continues them, an equals sign, and bytes that are not ASCII, which may not be UTF-8.
    """
    number = "[-+0-9][0-9]{1,4}[[:blank:]]*\\\\*" + _END
    starts = [*patterns, number, "[]!-[^-~]", "\\\\+[][:blank:]!-[^-~]"]
    return "|".join([_START + "(" + "|".join(starts) + ")", "\\\\+[[:cntrl:]]*$", "\\]" + _END, "([^ -~[:blank:]]|=)+"])


def line_pattern(line: str) -> str:
    """For C(shell_pattern()): this very line."""
    return re.sub(r"([.()])", r"\\\1", line) + "$"


def setting_pattern(keys: Iterable[str], words: Iterable[str] = ()) -> str:
    """For C(shell_pattern()): a line that sets one of I(keys) to numbers or one of I(words); of one that sets it to
    anything else as much as shows that.
    """
    numbers = "([-+]?[0-9]([0-9A-Za-z.%]|[^ -~])*[[:blank:]]*)*"
    others = "[-+0-9.%[:blank:]]*[^-+0-9.%[:blank:]]"
    value = "|".join([numbers, *words])
    return "({})[[:blank:]]*=({}|[[:blank:]]*({})[[:blank:]]*\\\\*{})".format("|".join(keys), others, value, _END)


def rejoined(pieces: Iterable[str]) -> str:
    """The line that C(grep -o) found these in."""
    return HIDDEN.join(pieces)
