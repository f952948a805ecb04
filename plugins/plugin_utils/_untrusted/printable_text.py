# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text that a device or an inventory provided: hostile until it has gone through here."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, TypeVar

MOST = 300
_Dataclass = TypeVar("_Dataclass", bound=Any)
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
# What makes a spreadsheet take a cell for a formula, also behind blanks and in full width.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def clean(value: Any, most: int = MOST) -> str:
    """One line of at most I(most) printable characters; what is not printable is spelled out (C(\\x1b), C(\\u202e)).

    That takes line breaks, terminal codes, marks that turn the direction of writing, and half surrogate pairs, so
    the result is valid in UTF-8 and in XML 1.0.
    """
    text = "" if value is None else str(value)[: most + 1]
    if not text.isprintable():
        text = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
    return text if len(text) <= most else text[: most - 1] + "…"


def clean_fields(value: _Dataclass, most: int = MOST) -> _Dataclass:
    """A dataclass with the text in its own fields through C(clean())."""
    texts = {name: clean(text, most) for name, text in vars(value).items() if isinstance(text, str)}
    return replace(value, **texts)


def shown_value(value: str | None) -> str:
    """One side of a drift for a person."""
    return "not set" if value is None else value


def cell(value: Any) -> str:
    """A cell of a CSV file that no spreadsheet takes for a formula; numbers stay numbers."""
    text = clean(value, 1000)
    return "'" + text if text.lstrip().startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text


def label(value: Any) -> str:
    """The value of a Prometheus label, between its quotes."""
    return clean(value, 200).replace("\\", "\\\\").replace('"', '\\"')


def script(json_text: str) -> str:
    """JSON that may stand in a C(<script>) element: it cannot close it, nor open a comment in it."""
    for character in "<>&\u2028\u2029":
        json_text = json_text.replace(character, f"\\u{ord(character):04x}")
    return json_text
