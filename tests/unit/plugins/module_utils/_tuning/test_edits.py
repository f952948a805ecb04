# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path

import pytest
from unit.fake_host import FakeHost

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.edits import FileEdit, apply_edits, take_back

EDITS = [
    FileEdit("/etc/a.conf", "old a\n", "new a\n"),
    FileEdit("/etc/made.d/b.conf", None, "new b\n", with_folder=True),
    FileEdit("/etc/there.d/c.conf", "old c\n", None, with_folder=True),
    FileEdit("/etc/full.d/d.conf", "old d\n", None, with_folder=True),
    FileEdit("/etc/gone.conf", None, None),
    FileEdit("/etc/last.conf", "old e\n", "new \udcff\n"),
]


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    found = FakeHost(tmp_path)
    for edit in EDITS:
        if edit.before is not None:
            found.has(edit.path, edit.before)
    found.has("/etc/full.d/theirs.conf", "theirs\n")
    return found


def test_every_edit_is_made_and_an_empty_folder_goes_along(host: FakeHost) -> None:
    apply_edits(host, EDITS)
    assert host.everything() == {
        "/etc/a.conf": b"new a\n",
        "/etc/full.d/theirs.conf": b"theirs\n",
        "/etc/last.conf": b"new \xff\n",
        "/etc/made.d/b.conf": b"new b\n",
    }
    assert sorted(os.listdir(host.real("/etc"))) == ["a.conf", "full.d", "last.conf", "made.d"]


@pytest.mark.parametrize("path", [edit.path for edit in EDITS if edit.after is not None])
def test_where_one_fails_all_before_it_are_taken_back(host: FakeHost, path: str) -> None:
    before, folders = host.everything(), sorted(os.listdir(host.real("/etc")))
    host.failing["write", path] = HostError("no space", path)
    with pytest.raises(HostError, match=r"^no space$"):
        apply_edits(host, EDITS)
    assert host.everything() == before
    assert sorted(os.listdir(host.real("/etc"))) == folders


def test_one_file_that_can_not_be_put_back_does_not_keep_the_others(host: FakeHost) -> None:
    apply_edits(host, EDITS)
    host.failing["write", "/etc/last.conf"] = HostError("no space", "/etc/last.conf")
    with pytest.raises(HostError, match=r"^no space$"):
        take_back(host, EDITS)
    assert host.read("/etc/a.conf") == "old a\n"
    assert host.read("/etc/there.d/c.conf") == "old c\n"


def test_edits_taken_back_leave_no_trace(host: FakeHost) -> None:
    before, folders = host.everything(), sorted(os.listdir(host.real("/etc")))
    apply_edits(host, EDITS)
    take_back(host, EDITS)
    assert host.everything() == before
    assert sorted(os.listdir(host.real("/etc"))) == folders


def test_the_diff_of_a_file_shows_all_of_it() -> None:
    assert FileEdit("/etc/a.conf", None, "new\n").diff() == {
        "before_header": "/etc/a.conf",
        "after_header": "/etc/a.conf",
        "before": "",
        "after": "new\n",
    }
