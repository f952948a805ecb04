# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fields of dataclasses mean: the string that stands below each of them in the source."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import textwrap
import typing
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# What a number may be of, in the name of a field or in what is said of it.
_IN_NAME = re.compile(r"_(kib|mib|bytes|pages|pct|us|ticks|(milli)?seconds|minutes|hours?|days)(_|$)")
_IN_WORDS = re.compile(
    r"\b(KiB|MiB|bytes|pages|percent|microseconds|seconds|minutes|hours|days|ticks|numbers?|the unit in each name)\b",
    re.IGNORECASE,
)


class Field(typing.NamedTuple):
    """A field, where it stands, and what is said of it: nothing where there is no string below it."""

    name: str
    hint: typing.Any
    meaning: str
    place: str


def fields_of(kind: type) -> list[Field]:
    """The fields of a dataclass, in their order. Those that it has from another one are explained there."""
    below: dict[str, tuple[str, str]] = {}
    for each in reversed(kind.__mro__):
        if dataclasses.is_dataclass(each):
            below.update(_strings(each))
    # Loader is a Literal for the type checker alone.
    hints = typing.get_type_hints(kind, localns={"Loader": str})
    return [Field(one.name, hints[one.name], *below[one.name]) for one in dataclasses.fields(kind)]


def _strings(kind: type) -> Iterator[tuple[str, tuple[str, str]]]:
    lines, start = inspect.getsourcelines(kind)
    path = Path(str(inspect.getsourcefile(kind))).resolve().relative_to(ROOT)
    (tree,) = ast.parse(textwrap.dedent("".join(lines))).body
    body = typing.cast(ast.ClassDef, tree).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            text = ""
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                text = " ".join(str(after.value.value).split())
            yield node.target.id, (text, f"{path}:{start + node.lineno - 1}")


def reached(roots: Iterable[type]) -> list[type]:
    """The dataclasses and all that their fields hold, each once, in their order."""
    found: dict[type, None] = {}
    waiting = list(roots)
    while waiting:
        kind = waiting.pop(0)
        if kind not in found:
            found[kind] = None
            parts = [part for field in fields_of(kind) for part in parts_of(field.hint)]
            waiting[:0] = [part for part in parts if dataclasses.is_dataclass(part)]
    return list(found)


def parts_of(hint: typing.Any) -> list[typing.Any]:
    """The types that a type is made of."""
    inner = typing.get_args(hint)
    return [part for each in inner for part in parts_of(each)] if inner else [hint]


def faults(kinds: Iterable[type]) -> list[str]:
    """A line for each field of which too little is said, each once, with its place."""
    found: dict[str, str] = {}
    for kind in kinds:
        for field in fields_of(kind):
            wrong = _wrong(field)
            if wrong:
                # What a class has from another one is wrong there.
                found.setdefault(field.place, f"{field.place}: {kind.__name__}.{field.name} {wrong}")
    return list(found.values())


def _wrong(field: Field) -> str:
    if not field.meaning:
        return "is not explained; say in a string below it what it means, its unit, and what null means"
    is_number = any(part in (int, float) for part in parts_of(field.hint))
    if is_number and not _IN_NAME.search(field.name) and not _IN_WORDS.search(field.meaning):
        return (
            f"holds a number, and neither its name nor {field.meaning!r} says of what; name a unit, or say 'number of'"
        )
    return ""
