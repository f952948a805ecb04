# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of the history: opened, lifted to this version, and written by one at a time."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.schema import VERSION, migrate, version_of
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.printable_text import clean

FILE = "history.sqlite"
_BUSY_SECONDS = 60.0
_Self = TypeVar("_Self", bound="HistoryFile")


class HistoryUnusable(HostError):
    """What a host says can be told and kept all the same."""


class HistoryFile:
    """The database in the file I(path), made where it is missing. Raises HistoryUnusable, also where it is not one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._told():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            with self._told():
                self._prepare()
        except BaseException:
            self._database.close()
            raise

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._database.close()

    def _all(self, query: str, *values: Any) -> list[Any]:
        with self._told():
            return self._database.execute(query, values).fetchall()

    def _prepare(self) -> None:
        self._database.execute("PRAGMA foreign_keys = ON")
        self._database.execute("PRAGMA synchronous = NORMAL")
        if version_of(self._database) == VERSION:
            return
        self._to_wal()
        with self._writing():
            found = version_of(self._database)
            if found > VERSION:
                raise HistoryUnusable(
                    f"{self.path} has schema {found}, this version of the collection knows {VERSION}; update the "
                    "collection, or report into another folder",
                    str(self.path),
                )
            migrate(self._database)

    def _to_wal(self) -> None:
        """Turn to WAL once. While another process does the same SQLite says at once that it is locked: wait here."""
        deadline = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                self._database.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction; it is the only one that writes from its first line on."""
        with self._told():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            except BaseException:
                # A disk that is full, say, has ended it already.
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise HistoryUnusable(
                f"{self.path} cannot be used as the history of audits: {error}; see that it may be written and nothing "
                "holds it, or, if it is damaged or no history, move it away, and a new one is made",
                str(self.path),
            ) from error

    def _id(self, table: str, name: str) -> int:
        self._database.execute(f"INSERT OR IGNORE INTO {table} (name) VALUES (?)", (name,))
        (found,) = self._database.execute(f"SELECT id FROM {table} WHERE name = ?", (name,)).fetchone()
        return int(found)


def host_name(host: Any) -> str:
    return clean(host, 300)


def unit_name(unit: Any) -> str:
    return clean(unit, 200)
