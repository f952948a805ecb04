# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One audit of one host: what is kept of it, and what every page, export and database is made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HostState, Outlook
from ansible_collections.lifeboat.oom.plugins.module_utils._plan import Change
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.services import JudgedService
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.service import ServiceTrend
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.iso_times import seconds
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.printable_text import clean

RECORD_SCHEMA = 1
Severity = Literal["info", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
# Findings of something that happened, not of how it is.
_EVENTS = ("oom.panic", "oom.protected_service_killed", "oom.recent_kill")


@dataclass(frozen=True)
class Finding:
    """What is wrong on a host, or about to be."""

    id: str
    """The stable dotted id, for filters, tickets and alarms."""
    severity: Severity
    """How bad it is: C(info), C(warning) or C(critical)."""
    subject: str
    """The unit or the setting that it is about."""
    observed: str
    """What was found there, with its numbers and their units."""
    expected: str
    """What should have been found."""
    message: str
    """What that means, the same for every finding with this id."""
    remedy: str
    """What to do."""

    @property
    def key(self) -> str:
        """By what it is known again in the next audit: numbers in it may change, but another kill is another one."""
        parts = [self.id, self.subject]
        if self.id in _EVENTS:
            # When and whom; how often, which follows, changes as old kills are forgotten.
            parts.append(self.observed.partition("; ")[0])
        return clean(" | ".join(parts), 500)


@dataclass(frozen=True)
class Record:
    """One audit of one host, also of one that could not be looked at: then I(state) is null and I(error) says why."""

    host: str
    """The name of the host in the inventory."""
    run: str
    """The run of the playbook that this audit belongs to, as C(CONTROLLER:PID:START)."""
    audited_at: str
    """When the host was looked at, in ISO 8601."""
    reachable: bool
    """Whether the host answered."""
    error: str | None = None
    """Why the host was not audited, null where it was."""
    groups: tuple[str, ...] = ()
    """The groups of the host in the inventory."""
    declares: bool | None = None
    """Whether the inventory declares anything for the host, null where it was not audited."""
    drift: tuple[Change, ...] = ()
    """Each value that differs from what is declared."""
    services: tuple[JudgedService, ...] = ()
    """Each declared service in all its layers, with its verdict."""
    findings: tuple[Finding, ...] = ()
    """All that is wrong, the worst first."""
    new_findings: tuple[str, ...] = ()
    """The keys of the findings that the host did not have at the audit before."""
    trends: tuple[ServiceTrend, ...] = ()
    """How the services grow, those that leak first."""
    state: HostState | None = None
    """All that was seen of the host, null where it was not audited."""
    outlook: Outlook | None = None
    """What follows from the state: who would be killed, and what the kernel has promised."""

    @property
    def at(self) -> int:
        """I(audited_at) in seconds since the epoch, 0 where it is no time."""
        return seconds(self.audited_at) or 0

    def as_dict(self) -> dict[str, Any]:
        """As it stands in a record file, as JSON."""
        return {"schema": RECORD_SCHEMA, **asdict(self)}


def counts(findings: Iterable[Finding]) -> dict[str, int]:
    """How many findings there are of each severity, the worst first."""
    severities = [finding.severity for finding in findings]
    return {each: severities.count(each) for each in reversed(SEVERITIES)}
