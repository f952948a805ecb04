# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One audit, kept: the record in its file, then what the history has of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.history import (
    History,
    HostPast,
    new_findings,
)
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record import Record
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import FiledRow, RecordFiles
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.lives import LifeRead


class Kept(NamedTuple):
    """What was kept: the I(record) with its new findings, its row in its file, and what is known of the host now."""

    record: Record
    filed: FiledRow
    past: HostPast


def keep(files: RecordFiles, history: History, past: HostPast, record: Record, read: Sequence[LifeRead] = ()) -> Kept:
    """Keep an audit of a host of which I(past) was known.

    Raises HostError where the record cannot be written, and HistoryUnusable.

    Killed after the record is in place and before the history has it, what was new is new once more at the next
    audit: told twice rather than never.
    """
    record = replace(record, new_findings=tuple(sorted(new_findings(past, record))))
    filed = files.write(record)
    history.keep(record, past, read)
    return Kept(record, filed, past.with_audit(record))
