# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of the history: opened, made where it is missing, and written by one at a time."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.history import HistoryUnusable
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.schema import TABLES, VERSION

_BUSY_SECONDS = 60.0


class Database:
    """The SQLite file I(path). Every call raises HistoryUnusable, also where it is not one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._told():
            path.parent.mkdir(parents=True, exist_ok=True)
            # Of this user alone, as the records are; SQLite gives its other files the mode of this one.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            with self._told():
                self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        self._connection.close()

    def ask(self, query: str, *values: Any) -> list[Any]:
        """All rows of an answer."""
        with self._told():
            return self._connection.execute(query, values).fetchall()

    def run(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """The statement for each of I(rows), inside C(writing())."""
        with self._told():
            self._connection.executemany(statement, rows)

    def id_of(self, table: str, name: str) -> int:
        """The number of a name, inside C(writing()); a new one where it is not there."""
        self.run(f"INSERT OR IGNORE INTO {table} (name) VALUES (?)", [(name,)])
        ((found,),) = self.ask(f"SELECT id FROM {table} WHERE name = ?", name)
        return int(found)

    def _prepare(self) -> None:
        self._connection.execute("PRAGMA foreign_keys = ON")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        if self._version() == VERSION:
            return
        self._to_wal()
        with self.writing():
            found = self._version()
            if found == VERSION:  # another process was faster
                return
            if found:
                raise HistoryUnusable(
                    f"{self._path} has schema {found}, this version of the collection knows {VERSION}; use the version "
                    "that made it, or report into another folder"
                )
            for statement in TABLES:
                self._connection.execute(statement)
            self._connection.execute(f"PRAGMA user_version = {VERSION}")

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    def _to_wal(self) -> None:
        """Turn to WAL once. While another process does the same SQLite says at once that it is locked: wait here."""
        deadline = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction; it is the only one that writes from its first line on."""
        with self._told():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                # A disk that is full, say, has ended it already.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise HistoryUnusable(
                f"{self._path} cannot be used as the history of audits: {error}; see that it may be written and "
                "nothing holds it, or, if it is damaged or no history, move it away, and a new one is made"
            ) from error
