# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which function is meant by what a demangler writes: C(app::make) of C(std::vector<int> app::make<int>(int))."""

from __future__ import annotations

import re
from typing import Iterator, List, NamedTuple, Tuple

# Words before what is called, and marks of compilers and linkers behind it.
_BEFORE = re.compile(r"^(?:(?:(?:non-)?virtual|covariant return) thunk to )+")
_BEHIND = re.compile(r"(?:@|\.(?:part|isra|constprop|cold|lto_priv|llvm|localalias)\b).*$")
_WORD = re.compile(r"~?[^\W\d][\w$]*|\$[\w$]+|'[^']*'")
_OPERATOR = re.compile(
    r"(?<![\w$])operator ?(?:(?:new|delete)\b(?: ?\[\])?|co_await\b|\"\" ?\w+|\(\)|\[\]|<=>|->\*?|<<=?|>>=?"
    r"|[-+*/%^&|=!<>]=|&&|\|\||\+\+|--|[-+*/%^&|~!=<>,])"
)
# To a type, up to the parameters.
_CONVERSION = re.compile(r"(?<![\w$])operator (?=[\w:])")
# A function that returns a pointer has its own name within: C(void (*app::pick<int>(int))(char)).
_POINTER = re.compile(r"(?:[\w:]+::)?[*&]+ ?(?:const )?")
# Between the parameters of a function and what is local to it.
_LOCAL = re.compile(r"(?: const| volatile| noexcept| ?&{1,2})*::")
_NAMELESS = "anonymous namespace"
_TYPE_OF = ("decltype", "typeof", "__typeof__")
_CLOSED_BY = {"(": ")", "[": "]", "{": "}", "<": ">"}
# What the older scheme of Rust makes of signs that a name of C++ cannot have.
_ESCAPED = re.compile(r"\$(LT|GT|RF|BP|LP|RP|C|u[0-9a-f]{2})\$|\.\.")
_SIGNS = {"LT": "<", "GT": ">", "RF": "&", "BP": "*", "LP": "(", "RP": ")", "C": ","}
# The newer scheme, which tools of before 2021 leave as it is: here the crate has to do.
_CRATE = re.compile(r"_R\w*?C(?:s[0-9A-Za-z]*_)?(\d{1,3})_?")
_HASH = re.compile(r"::h[0-9a-f]{16}$")
_LONGEST = 20_000
_DEEPEST = 100


class Name(NamedTuple):
    """The qualified name, I(parts) of it, without what it returns and without arguments of templates.

    I(parameters): they are told, as C++ does, and C and Rust do not.
    """

    parts: Tuple[str, ...]
    parameters: bool


def parse_name(text: str) -> Name:
    """Of GNU's and LLVM's demanglers, of Rust, and as heaptrack shortens it; without parts where it has no name."""
    text = text[:_LONGEST].strip()
    found = _CRATE.match(text)
    crate = text[found.end() :][: int(found.group(1))] if found else ""
    if crate:
        return Name((crate, text), False)
    if "$" in text:
        text = _ESCAPED.sub(_sign, text[1:] if text.startswith("_$LT$") else text)
    return _parsed(_BEHIND.sub("", _BEFORE.sub("", _HASH.sub("", text))))


def _sign(found: re.Match[str]) -> str:
    code = found.group(1)
    return "::" if code is None else _SIGNS.get(code) or chr(int(code[1:], 16))


def _parsed(text: str, depth: int = 0) -> Name:
    parts: List[str] = []
    goes_on = True  # at the beginning, and behind "::"
    before = ""
    local_from = 0
    for at, piece in _pieces(text):
        if at < local_from:
            continue
        if piece == "::":
            goes_on = True
        elif piece[0] == "(" and piece[1:-1] != _NAMELESS:
            within = _POINTER.match(piece, 1)
            if within and before in ("", " ") and depth < _DEEPEST:
                return _parsed(piece[within.end() : -1], depth + 1)
            local = _LOCAL.match(text, at + len(piece))
            if parts and not local:
                return Name(tuple(parts), True)
            local_from = local.end() - 2 if local else 0
        elif piece[0] == "<" and not parts and depth < _DEEPEST:
            parts, goes_on = list(_self_type(piece[1:-1], depth + 1)), False
        elif _is_part(piece, goes_on):
            parts = [*parts, piece] if goes_on else [piece]
            goes_on = False
        before = piece
    return Name(tuple(parts), False)


def _is_part(piece: str, goes_on: bool) -> bool:
    return bool(_WORD.match(piece)) or piece[0] == "(" or (piece[0] == "{" and goes_on)


def _self_type(text: str, depth: int) -> Tuple[str, ...]:
    """Rust: C(alloc::vec::Vec<T> as core::clone::Clone); the trait where the type has no path of its own."""
    for at, piece in _pieces(text):
        if piece == "as" and text[at - 1 : at] == " ":
            own = _parsed(text[:at], depth).parts
            return own if len(own) > 1 else _parsed(text[at + 2 :], depth).parts
    return _parsed(text, depth).parts


def _pieces(text: str) -> Iterator[Tuple[int, str]]:
    """Words, operators, C(::), single signs, and whole groups in brackets, with where each begins."""
    at = 0
    while at < len(text):
        start, found = at, _OPERATOR.match(text, at) or _WORD.match(text, at)
        if text.startswith("::", at):
            at += 2
        elif _CONVERSION.match(text, at):
            at = _to_parameters(text, at)
        elif found:
            at = found.end()
        elif text[at] in _CLOSED_BY:
            at = _end_of_group(text, at)
        else:
            at += 1
        if text[start:at] in _TYPE_OF:  # with what it is the type of
            at = _end_of_group(text, text.find("(", at)) if text[at:].lstrip().startswith("(") else at
        else:
            yield start, text[start:at]


def _to_parameters(text: str, at: int) -> int:
    while at < len(text) and text[at] != "(":
        at = _end_of_group(text, at) if text[at] == "<" else at + 1
    return at


def _end_of_group(text: str, at: int) -> int:
    """Behind the bracket that closes the one at I(at). Between round ones an angle may be a comparison."""
    awaited: List[str] = []
    while at < len(text) and len(awaited) <= _DEEPEST:
        sign = text[at]
        operator = _OPERATOR.match(text, at)
        if operator:
            at = operator.end()
            continue
        if sign == "<" and awaited[-1:] not in ([], [">"]):
            pass
        elif sign in _CLOSED_BY:
            awaited.append(_CLOSED_BY[sign])
        elif sign in awaited and (sign != ">" or (awaited[-1] == ">" and text[at - 1] != "-")):
            while awaited.pop() != sign:
                pass
        at += 1
        if not awaited:
            return at
    return len(text)
