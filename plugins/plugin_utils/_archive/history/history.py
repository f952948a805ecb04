# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the audits have found over time: what is asked of it, whatever database holds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record import Record
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.lives import LifeRead, Lives
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.service import Upgrade


class HistoryUnusable(LifeboatError):
    """The history cannot be used. What a host says can be told and kept all the same."""


@dataclass(frozen=True)
class AuditPoint:
    """The numbers of one host at one audit, C(None) where they are not known; the columns of the table of audits.

    I(seen): the host was read. Without it only I(at) is there.
    """

    at: int
    seen: bool
    boot_id: str | None = None
    total_kib: int | None = None
    available_kib: int | None = None
    swap_in_pages: int | None = None


def audit_point(record: Record) -> AuditPoint:
    """The numbers of an audit."""
    state = record.state
    if state is None:
        return AuditPoint(record.at, seen=False)
    return AuditPoint(
        at=record.at,
        seen=True,
        boot_id=state.host.boot_id,
        total_kib=state.memory.total_kib,
        available_kib=state.memory.available_kib,
        swap_in_pages=state.counters.swap_in_pages,
    )


@dataclass(frozen=True)
class HostPast:
    """All that is known of one host before this audit.

    I(audits) are in the order in which they were kept, whatever the clock said. I(findings) are those of the last
    audit that read the host, I(unread) those of the last audit if that one did not; by key, with since when they are
    there, in seconds since the epoch.
    """

    audits: tuple[AuditPoint, ...] = ()
    findings: Mapping[str, int] = field(default_factory=dict)
    unread: Mapping[str, int] = field(default_factory=dict)
    lives: Lives = field(default_factory=dict)
    upgrades: tuple[Upgrade, ...] = ()

    def before(self, boot_id: str | None) -> AuditPoint | None:
        """The last audit that read the host, if that was in this boot."""
        point = next((each for each in reversed(self.audits) if each.seen), None)
        return point if point is not None and boot_id is not None and point.boot_id == boot_id else None

    def known(self, seen: bool) -> Mapping[str, int] | None:
        """The findings of the audit that one like this is compared with; C(None) where there was none.

        Where there was none nothing is new: all of it may be old.
        """
        if seen:
            return self.findings if any(each.seen for each in self.audits) else None
        return {**self.findings, **self.unread} if self.audits else None

    def with_audit(self, record: Record) -> HostPast:
        """What will be known once the record is kept. Its I(new_findings) begin now."""
        seen = record.state is not None
        old, new = self.known(seen) or {}, set(record.new_findings)
        found = {key: record.at if key in new else old.get(key, record.at) for key in _keys(record)}
        audits = (*self.audits, audit_point(record))
        return replace(
            self,
            audits=audits,
            findings=found if seen else self.findings,
            unread={} if seen else found,
        )


def new_findings(past: HostPast, record: Record) -> frozenset[str]:
    """The keys of the findings of a record that its host did not have at the audit before."""
    old = past.known(record.state is not None)
    return frozenset() if old is None else frozenset(_keys(record)).difference(old)


def _keys(record: Record) -> Sequence[str]:
    return [finding.key for finding in record.findings]


@dataclass(frozen=True)
class FleetPast:
    """What is known of all I(hosts) over some time.

    I(kills) by day (since the epoch, UTC), I(victims) by name, and I(kills_a_day) by host, for those that had any.
    """

    hosts: frozenset[str] = frozenset()
    kills: Mapping[int, int] = field(default_factory=dict)
    victims: Mapping[str, int] = field(default_factory=dict)
    kills_a_day: Mapping[str, float] = field(default_factory=dict)


class History:
    """What C(open_history()) opens. Every call may raise HistoryUnusable; what it had begun to write is undone then.

    This one stands in for one that cannot be used: nothing is known, and nothing is kept.
    """

    def past(self, host: str) -> HostPast:
        """All that is known of a host."""
        return HostPast()

    def keep(self, record: Record, past: HostPast, read: Sequence[LifeRead] = ()) -> None:
        """Keep one audit of a host: I(past) is what was known before it, I(read) what it adds to lives of services."""

    def keep_upgrades(self, host: str, upgrades: Sequence[Upgrade]) -> None:
        """Keep that packages which services need went from one version to another."""

    def fleet(self, since: int, now: int) -> FleetPast:
        """What is known of all hosts from I(since) on, both in seconds since the epoch."""
        return FleetPast()

    def prune(self, days: int, now: int) -> None:
        """Forget what is older than I(days). What a clock that was ahead has dated later than I(now) is of now."""

    def close(self) -> None:
        """Nothing is asked after it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
