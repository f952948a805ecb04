# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A newcomer with an empty home and the archive, who does what the first guide says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from .blocks import CHECKOUT, blocks, follow

GUIDE = CHECKOUT / "docs/docsite/rst/first_audit.rst"


def test_the_first_audit_as_the_guide_tells_it(artifact: Path, newcomer: dict[str, str], tmp_path: Path) -> None:
    shutil.copy(artifact, tmp_path)
    printed = follow(GUIDE, tmp_path, newcomer)
    assert "was installed successfully" in printed
    record = json.loads((tmp_path / "oom-report/hosts/localhost.json").read_text())
    assert record["reachable"] and record["outlook"]["kill_order"]
    assert "localhost" in (tmp_path / "oom-report/index.html").read_text()
    assert str(CHECKOUT) not in printed


def test_the_readme_begins_with_the_commands_of_that_guide() -> None:
    first = blocks(CHECKOUT / "README.md")[0]
    assert first.text in [block.text for block in blocks(GUIDE)]
