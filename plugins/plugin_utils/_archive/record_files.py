# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder that holds what each audit saw: one JSON file for each host, replaced in one step.

Its first line is the row of the host (see C(row.py)), so that a report of the fleet need not read all of it; both are
written together, and cannot disagree. Only the user who runs the audits may read what devices said.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple, TextIO

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record import Finding, Record
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import Row, row_of
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.typed_from_json import WrongShape, load, salvage

_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_DIGITS = re.compile(r"([0-9]+)")
_BEGIN, _END = '{"row_schema": 1, "row": ', ",\n"
# What a writer that was killed leaves behind; one that is at work is younger.
_TEMPORARY, _LEFT_OVER_SECONDS = ".lifeboat-", 86_400


def file_name(host: str) -> str:
    """A name for I(host) that is safe as a file and different for different hosts."""
    if _SAFE.fullmatch(host):
        return host
    digest = hashlib.sha256(host.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return re.sub(r"[^A-Za-z0-9_-]+", "-", host)[:80].strip("-") + "~" + digest


def private_folder(path: Path) -> None:
    """Make the folder, for this user alone. Raises HostError."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.stat().st_mode & 0o077:
            path.chmod(0o700)
    except OSError as error:
        raise HostError(f"cannot make {path}: {error}", str(path)) from error


def _umask() -> int:
    """Python reads it only by setting it."""
    found = os.umask(0o077)
    os.umask(found)
    return found


class FiledRow(NamedTuple):
    """The row of a record, the file of the record, and the row as JSON."""

    path: Path
    row: Row
    json: str


class RecordFiles:
    """Records of hosts below I(folder)C(/hosts)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.hosts = self.folder / "hosts"

    def make(self) -> list[str]:
        """Make the folder unless it is there; what is to be told of that, once whoever makes it side by side."""
        try:
            self.folder.mkdir(parents=True)
        except FileExistsError:
            return []
        except OSError as error:
            raise HostError(f"cannot make {self.folder}: {error}", str(self.folder)) from error
        return [f"made the folder {self.folder}, which was not there: no earlier audit is known"]

    def path_of(self, host: str) -> Path:
        """The file of a host's record, which need not be there."""
        return self.hosts / f"{file_name(host)}.json"

    def write(self, record: Record) -> FiledRow:
        """Keep the record of a host in place of its last one. Raises HostError where it cannot be written."""
        path, row = self.path_of(record.host), row_of(record)
        first = json.dumps(asdict(row))
        rest = json.dumps(record.as_dict(), indent=1, sort_keys=True)
        private_folder(self.hosts)
        Host().write(str(path), _BEGIN + first + _END + rest.lstrip("{\n") + "\n", mode=0o600)
        return FiledRow(path, row, first)

    def write_page(self, name: str, page: str) -> Path:
        with self.replacing(name) as stream:
            stream.write(page)
        return self.folder / name

    @contextmanager
    def replacing(self, name: str) -> Iterator[TextIO]:
        """A file below the folder that is written piece by piece, and replaced in one step at the end."""
        path = self.folder / name
        temporary: str | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(prefix=_TEMPORARY, dir=path.parent)
            # JSON can hold half a surrogate pair, which no encoding takes.
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace", newline="") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            Path(temporary).chmod(0o666 & ~_umask())
            Path(temporary).replace(path)
            temporary = None
        except OSError as error:
            raise HostError(f"cannot write {path}: {error}", str(path)) from error
        finally:
            if temporary is not None:
                Path(temporary).unlink(missing_ok=True)

    def files(self) -> list[Path]:
        """The files of all records, by name, numbers in names as numbers."""
        try:
            found = [entry.name for entry in os.scandir(self.hosts) if entry.name.endswith(".json")]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise HostError(f"cannot list {self.hosts}: {error}", str(self.hosts)) from error
        return [self.hosts / name for name in sorted(found, key=_natural) if not name.startswith(".")]

    def rows(self) -> Iterator[FiledRow]:
        """Each record's row. A file that is no record is told as a host that was not audited."""
        return map(_first_line, self.files())

    def run_of(self, host: str) -> str:
        """The run that the record of a host is of, empty where there is none that can be read."""
        return _first_line(self.path_of(host)).row.run

    def sweep(self) -> None:
        """Remove what writers that were killed have left behind."""
        before = time.time() - _LEFT_OVER_SECONDS
        # Below profiles/ each host has a folder of its own.
        for depth in ("", "*/", "*/*/"):
            for path in self.folder.glob(depth + _TEMPORARY + "*"):
                # Writers that are at work put theirs in place meanwhile; and what is somebody else's stays.
                with suppress(OSError):
                    if path.stat().st_mtime < before:
                        path.unlink()


def load_record(path: Path) -> Record:
    """The whole record, as far as it is one of this version. Raises HostError for a file that is not one."""
    try:
        return salvage(Record, json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError, WrongShape) as error:
        raise HostError(f"{path} is not a record of an audit: {error}; remove it", str(path)) from error


def record_or_failure(path: Path) -> Record:
    """The record, or one that stands in for it where the file is none."""
    try:
        return load_record(path)
    except HostError as error:
        return _unreadable(path.stem, str(error))


def _unreadable(host: str, error: str) -> Record:
    finding = Finding(
        id="audit.failed",
        severity="critical",
        subject=host,
        observed=error,
        expected="a record of an audit",
        message="the record of this host cannot be read",
        remedy="remove the file and audit the host again",
    )
    return Record(host=host, run="", audited_at="", reachable=True, error=error, findings=(finding,))


def _first_line(path: Path) -> FiledRow:
    """The row as it was written with the record; for a record of another version, or what is none, made anew."""
    line = ""
    with suppress(OSError, ValueError), path.open(encoding="utf-8") as stream:
        if hasattr(os, "posix_fadvise"):
            # Else the kernel reads ahead what nobody asks for: the rest of the record.
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        line = stream.readline()
    if line.startswith(_BEGIN) and line.endswith(_END):
        text = line[len(_BEGIN) : -len(_END)]
        with suppress(ValueError, RecursionError, WrongShape):  # not as this version writes it
            return FiledRow(path, load(Row, json.loads(text), "row"), text)
    row = row_of(record_or_failure(path))
    return FiledRow(path, row, json.dumps(asdict(row)))


def _natural(name: str) -> list[tuple[int, str]]:
    """C(web-2) before C(web-10)."""
    parts = _DIGITS.split(name)
    return [(int(part), "") if number % 2 else (0, part) for number, part in enumerate(parts)]
