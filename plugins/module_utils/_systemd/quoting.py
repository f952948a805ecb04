# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Words as C(systemctl show) prints them, and as a unit file has to hold them.

Sources: systemd.syntax(7), systemd.unit(5); xescape() and shell_maybe_quote(), src/basic/escape.c of 219 to 257.
"""

from __future__ import annotations

import re
from typing import Optional, Tuple

# One word of a list: bare, or in double quotes with backslash escapes (at least since 247). Quotes that are not closed
# end with the list: whoever looked for their end again at each quote would never come to one.
_WORD = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[^ "]+')
_ESCAPE = re.compile(r"(?:\\x[0-9a-fA-F]{2}|\\[0-3][0-7]{2})+|\\(.)", re.DOTALL)
_BYTE = re.compile(r"\\x([0-9a-fA-F]{2})|\\([0-3][0-7]{2})")
_CONTROLS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "s": " ", "t": "\t", "v": "\v"}


def split(text: str) -> Tuple[str, ...]:
    """The words of a list."""
    return tuple(filter(None, map(_unquote, _WORD.findall(text))))


def _unquote(word: str) -> str:
    """A word as shell_maybe_quote() wrote it, or, in older versions, with C(\\x20) for a space."""
    return unescaped(word[1:-1] if len(word) > 1 and word[0] == word[-1] == '"' else word.lstrip('"'))


def unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: _unescaped(match.group(0), match.group(1)), text)


def _unescaped(escape: str, character: Optional[str]) -> str:
    if character is not None:
        return _CONTROLS.get(character, character)
    codes = [int(hexa, 16) if hexa else int(octal, 8) for hexa, octal in _BYTE.findall(escape)]
    return bytes(codes).decode("utf-8", "surrogateescape")


def quoted(word: str) -> str:
    """One word of a setting whose value systemd splits and in which it replaces specifiers, such as C(Environment=)."""
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"'
