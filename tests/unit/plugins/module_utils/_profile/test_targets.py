# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from unit.shell_host import SHELLS

from ansible_collections.lifeboat.oom.plugins.module_utils._profile.guard import Place
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.targets import AttachedProcess


@pytest.mark.parametrize("shell", SHELLS)
def test_what_is_taken_back_in_a_container_is_in_there(tmp_path: Path, shell: str) -> None:
    """Its /var/tmp and /dev lead to ours, and its /tmp is a folder; the guard is a script for any sh."""
    root, ours = tmp_path / "root", tmp_path / "ours"
    process = AttachedProcess.__new__(AttachedProcess)
    process.place, process._pid, process._gdb = Place("pid 20"), 0, "gdb"
    process._root, process._name = str(root), "/" + Place("pid 20").folder.rpartition("/")[2]
    for folder in (root / "var", root / "tmp", ours / "shm"):
        folder.mkdir(parents=True)
    (root / "var/tmp").symlink_to(ours)
    (root / "dev").symlink_to(ours)
    folders = [Path(f"{folder}{process._name}") for folder in (root / "tmp", ours, ours / "shm")]
    for folder in folders:
        folder.mkdir()
    for line in process.take_back[1:]:
        subprocess.run([*SHELLS[shell], "-c", line], check=True)
    assert [folder.exists() for folder in folders] == [False, True, True]
