# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one run of a profiler has found on one host, as it is kept."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.lifeboat.oom.plugins.module_utils._profile.sites import Frame

SCHEMA = 1
_MIB = 1 << 20


@dataclass(frozen=True)
class HeapSite:
    """Memory that is still held, by who is to blame for it."""

    bytes: int
    """What is held, in bytes."""
    kind: str
    """V(grown), V(lost), V(indirect), V(possible), V(reachable) or V(held), as the profiler tells it."""
    function: str | None = None
    """The function, null without symbols."""
    file: str | None = None
    """Its source file, null without debug symbols."""
    line: int | None = None
    """The line in it, a number from 1."""
    object: str | None = None
    """The program or library."""
    package: str | None = None
    """The package that owns it, null where none does."""
    version: str | None = None
    """The version of that package."""
    calls: int = 0
    """In how many pieces, a number."""
    stack: tuple[str, ...] = ()
    """The innermost callers, of the largest part."""

    @property
    def is_machinery(self) -> bool:
        """Whether nobody but the C library and its likes is known to hold it."""
        return Frame(self.function, self.file, object=self.object).is_machinery


@dataclass(frozen=True)
class HeapProfile:
    """What M(lifeboat.oom.heap_profile) returned, with the host and the time."""

    subject: str
    """The unit, the process or the command."""
    tool: str
    """The profiler."""
    seconds: float
    """How long it was watched, in seconds."""
    sites: tuple[HeapSite, ...]
    """Who holds the memory, largest first."""
    host: str = ""
    """The name of the host in the inventory."""
    profiled_at: str = ""
    """When, in ISO 8601."""
    peak_bytes: int | None = None
    """The most that was held at once, in bytes; null where the tool does not tell it."""
    leaked_bytes: int | None = None
    """What leaked, in bytes; null where the tool does not tell it."""
    sites_total: int = 0
    """The number of all sites."""
    stopped_by: str | None = None
    """Why the run ended sooner, null where it did not."""
    raw_file: str | None = None
    """The tool's own file on the host, null where it was not kept."""
