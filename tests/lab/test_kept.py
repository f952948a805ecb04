# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept is made once, is whole, and goes when its recipe is an old one that nobody uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from .kept import Kept
from .process import LabError


def kept(cache: Path, recipe: str, label: str = "thing") -> Kept:
    """A folder that holds its recipe; how often one was made is told by C(makings)."""

    def make(work: Path) -> Path:
        made = work / "made"
        made.mkdir()
        (made / recipe).touch()
        (cache / "makings").open("a").write("x")
        return made

    return Kept(cache, label, recipe, make)


def test_it_is_made_once_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _unused in range(2):
        with kept(tmp_path, "a").use():
            assert (kept(tmp_path, "a").path / "a").exists()
    assert (tmp_path / "makings").read_text() == "x"
    assert capsys.readouterr().err == f"lab: making {kept(tmp_path, 'a').path}, once\n"


def test_an_old_recipe_goes_unless_it_is_in_use(tmp_path: Path) -> None:
    old, new, other = kept(tmp_path, "old"), kept(tmp_path, "new"), kept(tmp_path, "old", "thing-more")
    with other.use(), old.use(), new.use():
        assert old.path.exists()
    with new.use():
        assert not old.path.exists()
        assert other.path.exists()


def test_what_failed_or_was_killed_is_not_there(tmp_path: Path) -> None:
    def make(work: Path) -> Path:
        (work / "half").touch()
        raise LabError("no")

    (tmp_path / "thing.build").mkdir()
    (tmp_path / "thing.build/left").touch()
    with pytest.raises(LabError, match="no"), Kept(tmp_path, "thing", "a", make).use():
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thing.lock"]
