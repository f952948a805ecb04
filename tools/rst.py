# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""reStructuredText, which the documentation site wants, from the Markdown that our pages are written in.

Knows what stands there: headings, paragraphs, lists, tables, fenced code, code, links, emphasis.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

LABEL = "ansible_collections.lifeboat.oom.docsite"
_UNDERLINES = "=-~^"


def page(name: str, markdown: str) -> str:
    """A page of the site. It is referred to by I(name)."""
    text = "\n".join(_blocks(markdown.strip().split("\n")))
    return f".. _{LABEL}.{name}:\n\n" + re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n"


def _blocks(lines: list[str]) -> Iterator[str]:
    at = 0
    while at < len(lines):
        line = lines[at]
        if line.startswith("```"):
            end = _end_of_code(lines, at)
            yield f"\n.. code-block:: {line[3:] or 'text'}\n"
            yield from (f"   {code}".rstrip() for code in lines[at + 1 : end])
            yield ""
            at = end
        elif line.startswith("|"):
            end = next((n for n in range(at, len(lines)) if not lines[n].startswith("|")), len(lines))
            yield from _table(lines[at:end])
            at = end - 1
        elif heading := re.match(r"(#+) (.*)", line):
            title = inline(heading[2])
            yield f"\n{title}\n{_UNDERLINES[len(heading[1]) - 1] * len(title)}\n"
        else:
            yield inline(line)
        at += 1


def _end_of_code(lines: list[str], start: int) -> int:
    for at in range(start + 1, len(lines)):
        if lines[at].startswith("```"):
            return at
    raise SystemExit(f"no end was found of the code that begins with {lines[start]} {lines[start + 1]!r}")


def _table(lines: list[str]) -> Iterator[str]:
    rows = [re.split(r"(?<!\\)\|", line.strip("|")) for line in lines]
    head, body = rows[0], rows[2:]
    yield "\n.. list-table::"
    yield "   :header-rows: 1\n" if any(cell.strip() for cell in head) else ""
    for row in ([head] if any(cell.strip() for cell in head) else []) + body:
        for place, cell in enumerate(row):
            yield f"   {' ' if place else '*'} - {inline(cell.strip())}".rstrip()
    yield ""


def inline(text: str) -> str:
    """One line. What stands in backticks is left alone."""
    parts = re.split(r"(`[^`]+`|\[[^\]]+\]\([^)]+\))", text)
    return "".join(_part(part) for part in parts)


def _part(part: str) -> str:
    if part.startswith("`") and len(part) > 1:
        return f"`{part}`"
    if link := re.fullmatch(r"\[([^\]]+)\]\(([^)]+)\)", part):
        text, target = link[1].replace("`", ""), link[2]
        if target.startswith("#"):
            return f"`{text}`_"
        if target.endswith(".md") and "/" not in target:
            return f":ref:`{text} <{LABEL}.{target.removesuffix('.md')}>`"
        return f"``{target.removeprefix('../')}``" if text in target else f"{text} (``{target.removeprefix('../')}``)"
    return re.sub(r"(?<=\w)_(?!\w)", r"\\_", part.replace("\\|", "|"))
