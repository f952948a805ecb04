# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pages share: the templates, the style, the script. A page needs no network and no other file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ansible_collections.lifeboat.oom.plugins.module_utils._plan import Change
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import LEVELS
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report import charts

_FOLDER = Path(__file__).parent


class Column(NamedTuple):
    """A column of a table; its I(kind) says how a cell is drawn (C(parts.html.j2), C(page.js))."""

    title: str
    kind: str = "text"


class Link(NamedTuple):
    """A host, and the name of its page as it stands in a link."""

    name: str
    file: str


class FindingName(NamedTuple):
    """What a finding is called: its stable id, and the same in words."""

    id: str
    message: str


def drift_cells(change: Change) -> list[Any]:
    """A row of a table of drift: layer, subject, key, is, declared, why."""
    return [change.layer, change.subject, change.key, change.before, change.after, change.why]


def without_empty(columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> tuple[list[Column], list[list[Any]]]:
    """The table without the columns in which no row says anything."""
    said = [place for place in range(len(columns)) if any(_says(row[place]) for row in rows)]
    return [columns[place] for place in said], [[row[place] for place in said] for row in rows]


def _says(value: Any) -> bool:
    return value is not None and value is not False and value != ""


def counted(number: int, one: str, many: str) -> str:
    """C(1 host), C(2 hosts)."""
    return f"{number:,} {one if number == 1 else many}"


def minute(seconds: int) -> str:
    """A time for people, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def render(template: str, **values: Any) -> Iterator[str]:
    """The page piece by piece. What devices said is data: everything is escaped."""
    return _environment().get_template(template).generate(**values)


@cache
def _environment() -> Environment:
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FileSystemLoader(_FOLDER),
    )
    environment.filters.update(width=charts.width, minute=minute, iso=iso)
    script = (_FOLDER / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment.globals.update(
        levels=LEVELS,
        # Our own files, not what a device said.
        script=Markup(script),  # noqa: S704
        script_hash=digest,
        style=Markup((_FOLDER / "page.css").read_text(encoding="utf-8")),  # noqa: S704
    )
    return environment
