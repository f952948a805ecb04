# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a host in its file, which is known by the time of the record that it was made of."""

from __future__ import annotations

import os
from pathlib import Path

from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.history import HostPast
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.profiles import profiles_of
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record import Record
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import FiledRow, RecordFiles
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.host_page import host_page


def draw_host(files: RecordFiles, filed: FiledRow, record: Record, past: HostPast) -> None:
    """Write the page of a record that was kept. Raises HostError where it cannot be written."""
    made_of = time_of(filed.path) or 0
    html = "".join(host_page(record, filed.row, past, profiles_of(files.folder, record.host)))
    page = files.write_page(page_name(filed.path.stem), html)
    os.utime(page, ns=(made_of, made_of))


def is_drawn(files: RecordFiles, path: Path) -> bool:
    """Whether the page of the record in the file I(path) is there, and of this record.

    It is not where the audit was killed between the two, or the record was brought here from elsewhere.
    """
    made_of = time_of(path)
    return made_of is not None and time_of(files.folder / page_name(path.stem)) == made_of


def time_of(path: Path) -> int | None:
    """When a file was written, in nanoseconds; C(None) where it is not there."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def page_name(file: str) -> str:
    """Where the page of a host is, below the folder of the report."""
    return f"pages/{file}.html"
