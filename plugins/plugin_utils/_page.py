# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet as one HTML page that needs no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.forecast import OUTCOMES

_TEMPLATE = Path(__file__).with_name("page.html.j2")


def render(records: Sequence[Mapping[str, Any]], made_at: str) -> str:
    """The page. What devices said is data: everything is escaped."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    return template.render(records=records, made_at=made_at, outcomes=OUTCOMES)
