# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path

import pytest
from unit.fake_host import FakeHost

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import Changed, HostError
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.edits import FileEdit, applied

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
    with applied(host, EDITS):
        pass
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
    with pytest.raises(HostError, match=r"^no space$"), applied(host, EDITS):
        pass
    assert host.everything() == before
    assert sorted(os.listdir(host.real("/etc"))) == folders


def test_one_file_that_can_not_be_put_back_does_not_keep_the_others(host: FakeHost) -> None:
    told = r"^late; and it could not be put back: cannot put back /etc/last.conf: No such "
    with pytest.raises(HostError, match=told), applied(host, EDITS):
        for path in Path(host.real("/etc")).iterdir():
            if path.name.startswith(".lifeboat-") and path.read_text() == "old e\n":
                path.unlink()
        raise HostError("late", "/etc")
    assert host.read("/etc/a.conf") == "old a\n"
    assert host.read("/etc/there.d/c.conf") == "old c\n"


@pytest.mark.parametrize("error", [HostError("late", "/etc"), KeyboardInterrupt()], ids=["an error", "a signal"])
def test_edits_taken_back_are_the_very_same_files(host: FakeHost, error: BaseException) -> None:
    def files() -> dict[str, tuple[int, int, bytes]]:
        return {
            path: (os.stat(host.real(path)).st_ino, os.stat(host.real(path)).st_nlink, text)
            for path, text in host.everything().items()
        }

    before, folders = files(), sorted(os.listdir(host.real("/etc")))
    with pytest.raises(type(error)), applied(host, EDITS):
        raise error
    assert files() == before
    assert sorted(os.listdir(host.real("/etc"))) == folders


def test_what_was_edited_twice_is_as_it_was_at_first(host: FakeHost) -> None:
    """The last edit is taken back first."""
    twice = [FileEdit("/etc/a.conf", "old a\n", "new a\n"), FileEdit("/etc/a.conf", "new a\n", "newer a\n")]
    with pytest.raises(HostError, match="late"), applied(host, twice):
        raise HostError("late", "/etc")
    assert host.read("/etc/a.conf") == "old a\n"


def test_what_has_changed_meanwhile_is_not_overwritten(host: FakeHost) -> None:
    host.has("/etc/last.conf", "theirs\n")
    before = host.everything()
    with pytest.raises(Changed, match=r"^/etc/last.conf was changed by somebody else"), applied(host, EDITS):
        pass
    assert host.everything() == before


def test_a_copy_is_like_the_file_that_it_is_a_copy_of(host: FakeHost) -> None:
    host.has("/usr/a.conf", "secret\n").chmod(0o600)
    with applied(host, [FileEdit("/etc/copy.conf", None, "# secret\n", like="/usr/a.conf")]):
        pass
    assert os.stat(host.real("/etc/copy.conf")).st_mode & 0o777 == 0o600


def test_the_diff_of_a_file_shows_what_may_be_shown_of_it() -> None:
    assert FileEdit("/etc/a.conf", None, "NEW\n").diff(str.lower) == {
        "before_header": "/etc/a.conf",
        "after_header": "/etc/a.conf",
        "before": "",
        "after": "new\n",
    }
