# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which lines of a log can be passed over at first sight: most of them, in most logs.

Only a line that is surely about something else: it has one of the common prefixes, and none of the words
and shapes that the recognisers (line_kinds, size_lines) look for. Any other is read in full.
"""

from __future__ import annotations

import re

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
# A path, a row of the table, its header, a blob, "**", "-- Boot", "<4>"; "kern :err:", "anon 4096", "free:1".
_SHAPE = re.compile(
    r"\s*(?:[\[*</-]|[a-z_]{3,20} \d{1,19}\s*$|[A-Za-z_]{3,30}:\d{1,19}(?:\s|$)|[a-z]{3,6}\d? *:[a-z]{3,6} *:)"
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
