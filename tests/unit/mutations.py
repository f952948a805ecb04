# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a broken or a hostile device may answer: a real answer, changed at places that chance names."""

from __future__ import annotations

import json
import re
from random import Random
from typing import Any, Callable, Dict, Iterator, List, Sequence, Tuple

from unit.hostile import HOSTILE

# No writer of JSON in Python goes deeper than the one, and no reader than the other.
_DEEP, _TOO_DEEP = 300, 50_000
_MOST_LINES, _MOST_CHARACTERS = 50_000, 4 << 20
_TEXTS = (
    *(text for text in HOSTILE if text),
    "9" * 5000,
    "-" + "9" * 30,
    "vm.*" + "{a,b}" * 18,
    "a\\\n" * 2000,
    "@run dmesg",
    "{{ lookup('pipe', 'id') }}",
    "user@1000.service/vital.service",
    "/../../../../x",
    "2026-13-45T99:99:99",
    "9999-12-31T23:59:59+00:00",
    "0001-01-01T00:00:00",
    "٣",
    "²",
    "1e999",
    "nan",
)
_NUMBERS: Tuple[Any, ...] = (
    *(0, 1, -1, 2, 255, 1000, -1000, 2**31, 2**53, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), 10**400, -(10**400)),
    *(0.5, -0.0, 1e-300, 1e308, float("nan"), float("inf"), float("-inf")),
)
# A tag and an unsafe text as Ansible's own serialization writes them, and what a task's result steers.
_FORGED: Tuple[Any, ...] = (
    {"__ansible_unsafe": "{{ 7 * 7 }}"},
    {"__ansible_vault": "x"},
    {"__ansible_type": "TaggedStr", "value": "{{ 7 * 7 }}"},
    {"_ansible_verbose_always": True, "failed": True, "unreachable": True, "msg": None, "exception": 5},
    {"failed": "no", "msg": ["x"], "invocation": 1},
)
# How JSON may write what Python's writer never does.
_RAW_NUMBERS = ("1e999", "-1E400", "9" * 5000, "NaN", "-Infinity", "0x10", "1_000", "+1", "01", "--1", '"5"', "true")
_MARKS = (
    *(
        "@end",
        "@lifeboat 1",
        "@lifeboat 2",
        "@shell 1",
        "@shell x",
        "@shell",
        "@page 0",
        "@page 1",
        "@page " + "9" * 30,
    ),
    *("@arch " + "x" * 5000, "@folder /proc", "@folder", "@there /proc/1/stat", "@denied /proc/meminfo", "@odd"),
    *("@refused /proc/swaps\n a pipe", "@too_large /proc/cmdline", "@link /lib\n /proc", "@cmdline /proc/1/cmdline"),
    *("@run", "@run dmesg\n rc=0", "@run dmesg\n \n rc=-1", "@run dmesg\n x\n rc=" + "9" * 5000, "@said\n no"),
    *("@kernel", "@wanted\n /proc/meminfo", "@files", "@whole", "@again", "@read_only /x", "@_by_path", "@take", "@"),
    *("@python", "@files\n@files\n@run x", "@texts x", "@wanted\n ", "@whole\n " + "9" * 5000 + " /x"),
)


def native(answer: Dict[str, Any], chance: Random) -> bytes:
    """The result of a module as it comes through a connection, mutated."""
    copy = json.loads(json.dumps(answer))
    for _unused in range(chance.choice((1, 1, 1, 2, 3, 8))):
        if copy:
            _mutate_tree(copy, chance)
    text = json.dumps(copy)[:_MOST_CHARACTERS]
    if chance.random() < 0.2:
        text = chance.choice(_TEXT_MUTATIONS)(text, chance)
    data = text.encode("utf-8", "surrogatepass")
    return _mutate_bytes(data, chance) if chance.random() < 0.05 else data


def bare(answer: str, chance: Random) -> bytes:
    """What the script printed, mutated."""
    lines = answer.split("\n")
    for _unused in range(chance.choice((1, 1, 2, 3, 8, 20))):
        chance.choice(_LINE_MUTATIONS)(lines, chance)
        lines = lines[:_MOST_LINES] or [""]
    data = "\n".join(lines)[:_MOST_CHARACTERS].encode("utf-8", "surrogatepass")
    return _mutate_bytes(data, chance) if chance.random() < 0.1 else data


def _mutate_tree(tree: Any, chance: Random) -> None:
    """At one place. Each kind of place is as likely, however many processes or units there are."""
    kinds: Dict[str, List[Tuple[Any, Any]]] = {}
    for kind, parent, key in _places(tree, ""):
        kinds.setdefault(kind, []).append((parent, key))
    parent, key = chance.choice(kinds[chance.choice(sorted(kinds))])
    value = parent[key]
    how = chance.randrange(8)
    if how == 0:
        del parent[key]
    elif how == 1 and isinstance(value, (list, dict)):
        parent[key] = _larger(value, chance)
    elif how == 2:
        other = chance.choice(kinds[chance.choice(sorted(kinds))])
        parent[key] = json.loads(json.dumps(other[0][other[1]]))
    elif how == 3 and isinstance(parent, dict):
        parent[chance.choice((*_TEXTS, "schema", "state", "0"))] = value
    else:
        parent[key] = _other(value, chance)


def _places(node: Any, kind: str) -> Iterator[Tuple[str, Any, Any]]:
    entries = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in list(entries):
        below = kind + ("[]" if isinstance(node, list) else "." + key)
        yield below, node, key
        if len(below) < 200:
            yield from _places(value, below)


def _other(value: Any, chance: Random) -> Any:
    """Of the same type in half of the cases: what the door lets in is for the rooms behind it."""
    if chance.random() < 0.5:
        if isinstance(value, str):
            return chance.choice((chance.choice(_TEXTS), value + chance.choice(_TEXTS), value[: len(value) // 2]))
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return chance.choice((*_NUMBERS, -value, value * 1024, value + 1))
    makers: Sequence[Callable[[], Any]] = (
        lambda: chance.choice((None, True, False, "", [], {}, [None], {"": None})),
        lambda: chance.choice(_TEXTS),
        lambda: chance.choice(_NUMBERS),
        lambda: chance.choice(_FORGED),
        lambda: [value],
        lambda: {"x": value},
        lambda: str(value),
        lambda: _deep(chance.choice((2, 20, _DEEP))),
        lambda: "x" * chance.choice((1 << 16, (1 << 20) + 1)),
    )
    return chance.choice(makers)()


def _larger(value: Any, chance: Random) -> Any:
    count = chance.choice((2, 100, 3000, 70_000 if len(json.dumps(value)) < 1000 else 100))
    if isinstance(value, list):
        return (value or [None]) * max(1, count // max(1, len(value)))
    return {**value, **{f"k{number}": None for number in range(count)}}


def _deep(depth: int) -> Any:
    found: Any = []
    for _unused in range(depth):
        found = [found]
    return found


def _cut(text: str, chance: Random) -> str:
    return text[: chance.randrange(len(text))]


def _twice(text: str, chance: Random) -> str:
    """A key that stands there twice, with another value the second time."""
    keys = [*re.finditer(r'"\w+": ', text)]
    place, other = chance.choice(keys), chance.choice(keys)
    value = json.dumps(chance.choice((None, 5, "x", [], {})))
    return f"{text[: place.start()]}{other.group()}{value}, {text[place.start() :]}"


def _raw_value(text: str, chance: Random) -> str:
    place = chance.choice([*re.finditer(r"(?<=[ \[])-?\d+\b", text)] or [re.match("", text)])
    raw = chance.choice((*_RAW_NUMBERS, "[" * _TOO_DEEP, "[" * _TOO_DEEP + "]" * _TOO_DEEP))
    return text[: place.start()] + raw + text[place.end() :] if place else text


def _noise(text: str, chance: Random) -> str:
    noise = chance.choice((*_TEXTS, "{", "}", '{"ansible_facts": {}}', "\x00"))
    return chance.choice((noise + "\n" + text, text + "\n" + noise, text + text))


_TEXT_MUTATIONS: Sequence[Callable[[str, Random], str]] = (_cut, _twice, _raw_value, _raw_value, _noise)


def _mutate_bytes(data: bytes, chance: Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice((b"\xff\xfe", b"\xed\xa0\x80", b"\x00" * 50, b"\xc3", b"\r\n")) + data[at:]


def _at(lines: List[str], chance: Random) -> int:
    """A line; each section is as likely, however long it is."""
    marks = [number for number, line in enumerate(lines) if line.startswith("@")] or [0]
    which = chance.randrange(len(marks))
    end = marks[which + 1] if which + 1 < len(marks) else len(lines)
    return chance.randrange(marks[which], end)


def _line_anywhere(lines: List[str], chance: Random) -> int:
    return chance.choice((_at(lines, chance), chance.randrange(len(lines))))


def _drop(lines: List[str], chance: Random) -> None:
    at = _line_anywhere(lines, chance)
    del lines[at : at + chance.choice((1, 1, 2, 20, 500))]
    if not lines:
        lines.append("")


def _repeat(lines: List[str], chance: Random) -> None:
    at = _line_anywhere(lines, chance)
    few = lines[at : at + chance.choice((1, 1, 5, 100))]
    lines[at:at] = few * chance.choice((1, 1, 3, 20_000 // len(few) if few else 1))


def _move(lines: List[str], chance: Random) -> None:
    at, to = _line_anywhere(lines, chance), _line_anywhere(lines, chance)
    few = lines[at : at + chance.choice((1, 3, 50))]
    lines[at : at + len(few)] = []
    lines[to:to] = few


def _number_in(lines: List[str], chance: Random) -> None:
    at = _line_anywhere(lines, chance)
    places = [*re.finditer(r"\d+(\.\d+)?", lines[at])]
    if places:
        place = chance.choice(places)
        number = str(chance.choice((*_NUMBERS, "9" * 5000, "٣", "0x7f", "", "1e5")))
        lines[at] = lines[at][: place.start()] + number + lines[at][place.end() :]


def _text_in(lines: List[str], chance: Random) -> None:
    at = _line_anywhere(lines, chance)
    head, colon, tail = lines[at].partition(chance.choice((":", "=", " ", "\t")))
    text = chance.choice(
        (*_TEXTS, "x" * (1 << 20 if chance.random() < 0.1 else 5000), tail[: len(tail) // 2], tail * 3)
    )
    lines[at] = head + colon + chance.choice((text, tail + text))


def _forge(lines: List[str], chance: Random) -> None:
    at = _line_anywhere(lines, chance)
    lines[at:at] = (chance.choice((*_MARKS, *_TEXTS))).split("\n")


def _of_another(lines: List[str], chance: Random) -> None:
    """What one file says under the name of another one."""
    at, other = _line_anywhere(lines, chance), _line_anywhere(lines, chance)
    lines[at] = lines[at].partition(":")[0] + ":" + lines[other].partition(":")[2]


def _end(lines: List[str], chance: Random) -> None:
    lines[_line_anywhere(lines, chance) :] = chance.choice(([""], ["@end"], ["@end", "x"], ["@lifeboat 1", "@end"]))


def _crlf(lines: List[str], chance: Random) -> None:
    for at in range(0, len(lines), chance.choice((1, 1, 7))):
        lines[at] += "\r"


_LINE_MUTATIONS: Sequence[Callable[[List[str], Random], None]] = (
    *(_drop, _repeat, _move, _number_in, _number_in, _number_in, _text_in, _text_in, _forge, _of_another),
    *(_of_another, _end, _crlf),
)
