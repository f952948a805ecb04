# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that change together: all of them, or none."""

from __future__ import annotations

import contextlib
import posixpath
from dataclasses import dataclass
from functools import partial
from typing import Callable, Dict, Iterator, List, Optional, Sequence

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host


@dataclass(frozen=True)
class FileEdit:
    """A file before and after; C(None) where there is none. With I(with_folder) its empty folder goes along."""

    path: str
    before: Optional[str]
    after: Optional[str]
    with_folder: bool = False

    def diff(self) -> Dict[str, str]:
        return {
            "before_header": self.path,
            "after_header": self.path,
            "before": self.before or "",
            "after": self.after or "",
        }


def apply_edits(host: Host, edits: Sequence[FileEdit]) -> None:
    """Make all edits; where one fails, those before it are taken back and the error is raised."""
    done: List[FileEdit] = []
    try:
        for edit in edits:
            _put(host, edit.path, edit.after)
            done.append(edit)
    except HostError as error:
        with also(error):
            take_back(host, done)
        raise
    for edit in edits:
        if edit.after is None and edit.with_folder:
            host.remove_folder_if_empty(posixpath.dirname(edit.path))


def take_back(host: Host, edits: Sequence[FileEdit]) -> None:
    """Undo all edits that can be undone; the first failure is raised after that."""
    undo_all([partial(_take_back, host, edit) for edit in reversed(edits)])


def _take_back(host: Host, edit: FileEdit) -> None:
    _put(host, edit.path, edit.before)
    if edit.before is None and edit.with_folder:
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
def also(error: HostError) -> Iterator[None]:
    """What fails while I(error) is being handled is added to its message, so that both are told."""
    try:
        yield
    except HostError as another:
        raise HostError(f"{error}; and it could not be put back: {another}", error.path) from error


def _put(host: Host, path: str, text: Optional[str]) -> None:
    if text is not None:
        host.write(path, text)
    elif host.exists(path):
        host.remove(path)
