# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that change together: all of them, or none."""

from __future__ import annotations

import contextlib
import posixpath
from dataclasses import dataclass
from typing import Callable, Dict, Iterator, List, Optional, Sequence

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.module_utils._machine.replacement import Replacement


@dataclass(frozen=True)
class FileEdit:
    """A file before and after; C(None) where there is none. With I(with_folder) its empty folder goes along.

    What is a copy of the file at I(like) is so in mode, owner and labels too.
    """

    path: str
    before: Optional[str]
    after: Optional[str]
    with_folder: bool = False
    like: Optional[str] = None

    def diff(self, kept: Callable[[str], str]) -> Dict[str, str]:
        """What I(kept) shows of it: a diff is written to logs, and a file may hold passwords."""
        return {
            "before_header": self.path,
            "after_header": self.path,
            "before": kept(self.before or ""),
            "after": kept(self.after or ""),
        }


@contextlib.contextmanager
def applied(host: Host, edits: Sequence[FileEdit]) -> Iterator[None]:
    """All edits are made, and stay where what is done inside succeeds; else all are taken back.

    Raises HostError where one cannot be made, Changed where a file is not what it was when it was read.
    """
    done: List[Replacement] = []
    try:
        for edit in edits:
            if edit.before != edit.after:
                done.append(host.swap(edit.path, edit.before, edit.after, edit.like))
        yield
    except BaseException as error:
        with also(error):
            undo_all([swap.take_back for swap in reversed(done)])
        raise
    for swap in done:
        swap.keep()
    for edit in edits:
        if edit.after is None and edit.with_folder:
            host.remove_folder_if_empty(posixpath.dirname(edit.path))


def undo_all(steps: Sequence[Callable[[], None]]) -> None:
    """Run every step, whatever becomes of the others; the first failure is raised after the last step."""
    failures: List[HostError] = []
    for step in steps:
        try:
            step()
        except HostError as error:
            failures.append(error)
    if failures:
        raise failures[0]


@contextlib.contextmanager
def also(error: BaseException) -> Iterator[None]:
    """What fails while I(error) is being handled is added to its message, so that both are told."""
    try:
        yield
    except HostError as another:
        said = str(error) or type(error).__name__
        raise HostError(f"{said}; and it could not be put back: {another}", another.path) from error
