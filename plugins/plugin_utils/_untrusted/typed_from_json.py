# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From JSON to the frozen dataclasses that it was made of: every type checked, every size bounded.

C(load()) refuses whatever is not right, with its place; it is the door for what a device says. C(salvage()) keeps what
is right and drops the rest; it is for record files, which may be of another version of this collection.
"""

from __future__ import annotations

import math
import re
import types
import typing
from collections.abc import Callable, Hashable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError

_T = TypeVar("_T")
_Reader = Callable[[Any], Any]
MOST_ENTRIES = 65_536
"""Of one list or dictionary."""
MOST_CHARACTERS = 1 << 20
"""Of one text."""
MOST_DIGITS = 1000
"""Of a number in a text: Python reads none of more than 4300."""
_DIGIT = re.compile(r"\d")
_TOO_MANY_DIGITS = re.compile(rf"(?<!\d)\d{{{MOST_DIGITS + 1}}}")
_LARGEST = 2**63 - 1
_SIZES = (0, 2**53)
# What a name says of its number: its unit bounds it.
_BY_NAME = {"page_kib": (1, 1024), "total_kib": (1, 2**53)}
_BY_END = {
    "oom_score_adj": (-1000, 1000),
    **dict.fromkeys(("_kib", "_bytes", "_pages", "_ticks", "_seconds", "_us", "pid"), _SIZES),
}
_ANY = (-_LARGEST, _LARGEST)


class WrongShape(LifeboatError):
    """The JSON is not what this version of the collection writes; I(steps) lead from the whole to the place."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what, self.steps = what, list[str]()

    def within(self, step: str) -> WrongShape:
        self.steps.insert(0, step)
        return self

    def __str__(self) -> str:
        return f"{''.join(self.steps)}: {self.what}"


def load(kind: type[_T], data: Any, where: str) -> _T:
    """An instance of dataclass I(kind); keys that it does not have are left out. Raises WrongShape, which names the
    place below I(where).
    """
    try:
        loaded: _T = _reader(typing.cast(Hashable, kind), False)(data)
    except WrongShape as error:
        raise error.within(where) from None
    return loaded


def salvage(kind: type[_T], data: Any) -> _T:
    """The same without what is not right: an entry of a list or dictionary is left out, an optional field is C(None),
    one with a default has it. Raises WrongShape where what remains is no I(kind).
    """
    salvaged: _T = _reader(typing.cast(Hashable, kind), True)(data)
    return salvaged


@cache
def _reader(hint: Any, lenient: bool, bounds: tuple[float, float] = _ANY) -> _Reader:
    """What reads a value of this type; a number of it is within I(bounds)."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        known = next(one for one in arguments if one is not types.NoneType)
        return _optional(_reader(known, lenient, bounds), lenient)
    if origin in (tuple, list):
        return _sequence(_reader(arguments[0], lenient), lenient, origin)
    if origin in (Mapping, dict):
        return _mapping(_reader(arguments[1], lenient), lenient)
    if origin is typing.Literal:
        return _one_of(arguments)
    if is_dataclass(hint) and isinstance(hint, type):
        return _fields(hint, lenient)
    return _plain(hint, *bounds)


def _optional(read: _Reader, lenient: bool) -> _Reader:
    def optional(data: Any) -> Any:
        if data is None:
            return None
        try:
            return read(data)
        except WrongShape:
            if lenient:
                return None
            raise

    return optional


def _sequence(read: _Reader, lenient: bool, kind: Callable[..., Any]) -> _Reader:
    def sequence(data: Any) -> Any:
        if not isinstance(data, (list, tuple)):
            raise WrongShape(f"found {type(data).__name__}, expected a list")
        if not data:
            return kind()
        return kind(_entries(enumerate(data), len(data), read, lenient, "[{}]").values())

    return sequence


def _mapping(read: _Reader, lenient: bool) -> _Reader:
    def mapping(data: Any) -> Any:
        if not isinstance(data, dict):
            raise WrongShape(f"found {type(data).__name__}, expected a dictionary")
        return {str(key): value for key, value in _entries(data.items(), len(data), read, lenient, ".{}").items()}

    return mapping


def _entries(entries: Any, count: int, read: _Reader, lenient: bool, step: str) -> dict[Any, Any]:
    if count > MOST_ENTRIES:
        raise WrongShape(f"found {count} entries, expected at most {MOST_ENTRIES}")
    found: dict[Any, Any] = {}
    for key, entry in entries:
        try:
            found[key] = read(entry)
        except WrongShape as error:
            if not lenient:
                raise error.within(step.format(str(key)[:100])) from None
    return found


def _one_of(words: tuple[Any, ...]) -> _Reader:
    def one_of(data: Any) -> Any:
        if data not in words or isinstance(data, bool):
            raise WrongShape(f"found {str(data)[:40]!r}, expected one of {', '.join(map(str, words))}")
        return data

    return one_of


def _fields(kind: Any, lenient: bool) -> _Reader:
    hints = typing.get_type_hints(kind, localns={"Loader": str})
    readers = {each.name: _reader(hints[each.name], lenient, _bounds(each.name)) for each in fields(kind)}
    required = {each.name for each in fields(kind) if each.default is each.default_factory is MISSING}

    def instance(data: Any) -> Any:
        if not isinstance(data, dict):
            raise WrongShape(f"found {type(data).__name__}, expected a dictionary ({kind.__name__})")
        values = {}
        for name, read in readers.items():
            value = data.get(name, MISSING)
            if value is MISSING:
                if not lenient:
                    raise WrongShape(f"{name} is missing ({kind.__name__})")
                value = None
            try:
                values[name] = read(value)
            except WrongShape as error:
                if not lenient or name in required:
                    raise error.within(f".{name}") from None
        return kind(**values)

    return instance


def _bounds(name: str) -> tuple[float, float]:
    """The unit in the name of a field bounds its number."""
    by_end = next((bounds for end, bounds in _BY_END.items() if name.endswith(end)), _ANY)
    return _BY_NAME.get(name, by_end)


def _plain(kind: Any, low: float, high: float) -> _Reader:
    if kind in (int, float):
        return _number(kind, low, high)

    def plain(data: Any) -> Any:
        if not isinstance(data, kind):
            raise WrongShape(f"found {type(data).__name__}, expected {kind.__name__}")
        if kind is str and len(data) > MOST_DIGITS:
            _bound(data)
        return data

    return plain


def _bound(text: str) -> None:
    if len(text) > MOST_CHARACTERS:
        raise WrongShape(f"found {len(text)} characters, expected at most {MOST_CHARACTERS}")
    # So long a number has a digit at one of these places; looking at all of a text first would cost much more.
    if _DIGIT.search(text[::MOST_DIGITS]) and _TOO_MANY_DIGITS.search(text):
        raise WrongShape(f"found a number of more than {MOST_DIGITS} digits")


def _number(kind: Any, low: float, high: float) -> _Reader:
    expected = "a number" if kind is float else "a whole number"

    def number(data: Any) -> Any:
        # A boolean is an int for Python, and not for us.
        if isinstance(data, bool) or not isinstance(data, (int, float) if kind is float else int):
            raise WrongShape(f"found {type(data).__name__}, expected {kind.__name__}")
        if not low <= data <= high or (isinstance(data, float) and not math.isfinite(data)):
            # Python refuses to print a whole number of thousands of digits.
            shown = repr(data) if isinstance(data, float) or abs(data) < 10**30 else "a larger one"
            raise WrongShape(f"found {shown}, expected {expected} from {low} to {high}")
        return float(data) if kind is float else data

    return number
