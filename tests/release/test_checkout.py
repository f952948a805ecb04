# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A newcomer with a fresh clone."""

from __future__ import annotations

import subprocess
from pathlib import Path

from matrix.environments import CHECKOUT
from matrix.gates import copy_collection


def test_make_audit_needs_nothing_but_a_python(newcomer: dict[str, str], tmp_path: Path) -> None:
    clone = copy_collection(tmp_path / "clone")
    (clone / "collections/ansible_collections/lifeboat").mkdir(parents=True)
    (clone / "collections/ansible_collections/lifeboat/oom").symlink_to("../../..")
    first, second = (
        subprocess.run(["make", "audit"], cwd=clone, env=newcomer, capture_output=True, text=True, check=False)
        for _unused in range(2)
    )
    assert first.returncode == 0, first.stdout + first.stderr
    assert "setup: making .venv" in first.stdout and (clone / "oom-report/index.html").exists()
    assert second.returncode == 0 and "setup:" not in second.stdout
    assert str(CHECKOUT) not in first.stdout
