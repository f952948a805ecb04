# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The units of the sampler, as systemd reads them."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader

TEMPLATES = Path(__file__).resolve().parents[4] / "roles/oom_monitor/templates"


def test_systemd_undoes_escapes_also_within_quotes() -> None:
    """By systemd.syntax(7), Quoting: with one backslash alone it would ask for dev-a.service."""
    template = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=False).get_template("sample.service.j2")
    text = template.render(
        __oom_monitor_folder="/lib", oom_monitor_max_lines=5, oom_monitor_units=["*.service", r"dev\x2da@%.service"]
    )
    (line,) = [line for line in text.splitlines() if line.startswith("ExecStart=")]
    assert line == r"ExecStart=/bin/sh /lib/sample.sh 5 '*.service' 'dev\\x2da@%%.service'"
