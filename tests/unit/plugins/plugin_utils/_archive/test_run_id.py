# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive import run_id
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.run_id import this_run


def proc_with(folder: Path, started: int, name: str = "ansible-playbook") -> Path:
    process = folder / str(os.getppid())
    process.mkdir(exist_ok=True)
    fields = " ".join(str(number) for number in range(4, 22))
    (process / "stat").write_text(f"{os.getppid()} ({name}) S {fields} {started} 23 24\n")
    return folder


@pytest.mark.parametrize("name", ["ansible-playbook", "a ) S 1 (b"])
def test_a_run_is_known_by_its_controller_its_process_and_its_start(tmp_path: Path, name: str) -> None:
    found = this_run(proc_with(tmp_path, 4711, name))
    assert found == f"{platform.node()}:{os.getppid()}:4711"
    assert this_run(proc_with(tmp_path, 4712, name)) != found


def test_all_processes_of_a_run_say_the_same() -> None:
    assert this_run() == this_run() != ""


def test_a_controller_without_proc_asks_psutil_or_goes_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_start = this_run(tmp_path)
    assert with_start.count(":") == 2
    monkeypatch.setattr(run_id, "psutil", None)
    assert this_run(tmp_path) == with_start.rpartition(":")[0]
