# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import hashlib
import re

from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.page import (
    Column,
    counted,
    minute,
    render,
    without_empty,
)


def test_a_page_runs_its_own_script_and_no_other() -> None:
    page = "".join(render("list.html.j2", rows=""))
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    (allowed,) = re.findall(r"script-src 'sha256-([^']*)'", page)
    assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() == allowed
    assert "default-src 'none'" in page
    assert "<!--" not in script


def test_a_page_needs_no_network() -> None:
    page = "".join(render("list.html.j2", rows=""))
    assert not re.findall(r"src=|@import|url\(|<link|fetch\(|XMLHttp|import\(", page)
    assert re.findall(r"https?://[^\"' ]*", page) == ["http://www.w3.org/2000/svg"]


def test_values_are_escaped() -> None:
    assert "&lt;script&gt;" in "".join(render("list.html.j2", rows="<script>"))


def test_columns_that_say_nothing_are_left_out() -> None:
    columns = [Column("a"), Column("b"), Column("c"), Column("d")]
    assert without_empty(columns, [["x", None, 0, ""], ["y", "", None, False]]) == (
        [columns[0], columns[2]],
        [["x", 0], ["y", None]],
    )


def test_numbers_and_times_are_for_people() -> None:
    assert (counted(1, "host", "hosts"), counted(12_000, "host", "hosts")) == ("1 host", "12,000 hosts")
    assert minute(1_777_863_721) == "2026-05-04 03:02"
