# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One audit, kept: the record in the spool, the row in the history, the page of the host."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.database import HistoryUnusable
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.history import FILE, History
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.profiles import profiles_of
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import Spool
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.service import ServiceTrend
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.trend import Limits
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.trends_of_host import service_trends
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.host_page import host_page
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.optional_fields import seconds, text


class Published(NamedTuple):
    """I(new) are the keys of the findings that the host did not have at the audit before.

    I(unkept) says why the history does not have this audit.
    """

    path: Path
    new: frozenset[str]
    unkept: str | None = None


def publish(folder: Path, record: Mapping[str, Any]) -> Published:
    """Keep the audit of one host below I(folder). Raises HostError where the record cannot be written.

    Killed after the record is in place and before the history has it, what was new is new once more at the next
    audit: told twice rather than never.
    """
    spool = Spool(folder)
    new: set[str] = set()
    try:
        with History(spool.folder / FILE) as history:
            new = history.new_findings(record)
            path = _keep(spool, record, new, history)
    except HistoryUnusable as error:
        return Published(_keep(spool, record, new), frozenset(new), str(error))
    return Published(path, frozenset(new))


def _keep(spool: Spool, record: Mapping[str, Any], new: set[str], history: History | None = None) -> Path:
    """The record, then what the history has of it, then its page. Where the record is."""
    kept = {**record, "new_findings": sorted(new)}
    path = spool.write(str(record["host"]), kept)
    if history:
        history.record(record)
    write_host_page(spool, path, time_of(path) or 0, kept, history)
    return path


def counters_before(folder: Path, host: str, facts: Mapping[str, Any], when: str) -> dict[str, int | None] | None:
    """The counters of the audit before, if that was in the boot that I(facts) are of. Raises HistoryUnusable."""
    with History(Spool(folder).folder / FILE) as history:
        return history.earlier(host, text(facts, "host", "boot_id"), seconds(when) or 0)


def trends_with(
    folder: Path, host: str, facts: Mapping[str, Any], when: str, limits: Limits
) -> tuple[ServiceTrend, ...]:
    """How the services of a host grow, with what I(facts) add to the history, which keeps it.

    Raises HistoryUnusable.
    """
    with History(Spool(folder).folder / FILE) as history:
        history.keep_memory({"host": host, "audited_at": when, "state": facts})
        return service_trends(facts, history.lives(host), history.upgrades(host), limits)


def write_host_page(
    spool: Spool, path: Path, made_of: int, record: Mapping[str, Any], history: History | None = None
) -> None:
    """The page of the record in the file I(path). It gets the time of that file, I(made_of), to be known by."""
    host = str(record["host"])
    audits, first_seen = (history.audits(host), history.first_seen(host)) if history else ((), {})
    html = "".join(host_page(record, audits, profiles_of(spool.folder, host), first_seen))
    page = spool.write_page(page_name(path.stem), html)
    os.utime(page, ns=(made_of, made_of))


def time_of(path: Path) -> int | None:
    """When a file was written, in nanoseconds; C(None) where it is not there."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def page_name(file: str) -> str:
    """Where the page of a host is, below the folder of the spool."""
    return f"pages/{file}.html"
