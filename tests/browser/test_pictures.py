# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pictures of the documentation, taken of the report that the other tests read.

PICTURES names the folder that keeps them; ``make docs`` sets it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Reader, go


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = Path(os.environ.get("PICTURES", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_the_fleet(reader: Callable[..., Reader], report: Path, pictures: Path) -> None:
    reader().open(report / "index.html").screenshot(path=pictures / "fleet.png")
    _assert_picture(pictures / "fleet.png")


def test_the_worst_host_that_was_read(reader: Callable[..., Reader], report: Path, pictures: Path) -> None:
    page = reader().open(report / "index.html")
    go(page.locator("#hosts tbody tr", has_text="critical").first.get_by_role("link").first)
    assert "/pages/" in page.url
    page.screenshot(path=pictures / "host.png")
    _assert_picture(pictures / "host.png")


def _assert_picture(path: Path) -> None:
    """Not blank, and small enough to be sent along."""
    assert 20_000 < path.stat().st_size < 400_000
