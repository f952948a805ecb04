# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a finding is, and what it is judged by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import InvalidPolicy
from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HostState, Outlook
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.checks import known_keys, whole_number
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.families import Policy
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.services import SENSITIVE
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.history import AuditPoint
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record import Finding, Severity
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.drift import Drift
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.service import ServiceTrend
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.trend import Limits


@dataclass(frozen=True)
class Thresholds:
    """From where on something is worth a finding. Whole numbers; the unit is in the name."""

    recent_kill_days: int = 30
    available_low_pct: int = 10
    commit_headroom_pct: int = 10
    protected_share_pct: int = 50
    pressure_some_pct: int = 10
    pressure_full_pct: int = 5
    swap_in_mib_per_minute: int = 60
    cgroup_room_pct: int = 10
    low_memory_pct: int = 10
    leak_min_samples: int = 8
    leak_min_minutes: int = 120
    leak_period_minutes: int = 1440
    leak_urgent_minutes: int = 720
    leak_min_growth_mib: int = 4
    leak_min_growth_pct: int = 10
    leak_package_hosts: int = 3

    @classmethod
    def of(cls, declared: Any, where: str) -> Thresholds:
        """Those that are declared, the others by default. Raises InvalidPolicy naming the one that is wrong."""
        if declared is not None and not isinstance(declared, Mapping):
            raise InvalidPolicy(
                f"{where}: found {declared!r}, expected a dictionary such as {{'available_low_pct': 5}}"
            )
        names = [each.name for each in fields(cls)]
        given = known_keys(where, declared or {}, names)
        most = {name: 100 if name.endswith("_pct") else 10**6 for name in names}
        return cls(**{name: whole_number(f"{where}.{name}", value, 0, most[name]) for name, value in given.items()})

    def leak_limits(self) -> Limits:
        return Limits(
            min_samples=self.leak_min_samples,
            min_seconds=60 * self.leak_min_minutes,
            period_seconds=60 * self.leak_period_minutes,
            urgent_seconds=60 * self.leak_urgent_minutes,
            min_growth_bytes=self.leak_min_growth_mib << 20,
            min_growth_share=self.leak_min_growth_pct / 100,
        )


@dataclass(frozen=True)
class Kind:
    """All that is the same for every finding with one I(id).

    I(expected) may name thresholds in braces. I(about) is its page: why it matters, when it is wrong.
    """

    id: str
    severity: Severity
    expected: str
    message: str
    remedy: str
    about: str

    def found(
        self,
        thresholds: Thresholds,
        subject: str,
        observed: str,
        severity: Severity | None = None,
        expected: str | None = None,
        remedy: str | None = None,
    ) -> Finding:
        return Finding(
            id=self.id,
            severity=severity or self.severity,
            subject=subject,
            observed=observed,
            expected=expected or self.expected.format(**asdict(thresholds)),
            message=self.message,
            remedy=remedy or self.remedy,
        )


@dataclass(frozen=True)
class Evidence:
    """What the rules judge: the state of a host and what follows from it, at one moment.

    I(before) are the numbers of the audit before, if that was in the same boot; I(trends) are those of services.
    """

    state: HostState
    policy: Policy
    drift: Drift
    outlook: Outlook
    sensitive: Mapping[str, Sequence[str]] = field(default_factory=lambda: SENSITIVE)
    thresholds: Thresholds = field(default_factory=Thresholds)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    before: AuditPoint | None = None
    trends: tuple[ServiceTrend, ...] = ()
