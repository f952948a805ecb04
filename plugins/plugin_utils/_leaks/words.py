# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A trend in words, for findings and pages."""

from __future__ import annotations

from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.service import ServiceTrend

_BOUNDS = {"memory": "memory is used up", "limit": "the limit of its control group is reached"}
_SPANS = ((172_800, 86_400, "days"), (7_200, 3_600, "hours"), (120, 60, "minutes"))


def growth(trend: ServiceTrend) -> str:
    """The rate of a leak, how sure that is, and when it ends."""
    said = f"{rate(trend.rate_bytes_per_hour)}, {trend.confidence_pct} % sure ({_by(trend)})"
    if trend.seconds_left is None:
        return said
    return f"{said}; {_BOUNDS.get(trend.bound or '', 'ends')} in {span(trend.seconds_left)}"


def change(trend: ServiceTrend) -> str:
    """The same of one that does not leak, which has nothing to be sure of."""
    return f"{rate(trend.rate_bytes_per_hour)} ({_by(trend)})"


def _by(trend: ServiceTrend) -> str:
    by = f"{trend.samples} samples over {span(trend.seconds)}"
    return f"{by} in {trend.lives} lives of the process" if trend.lives > 1 else by


def rate(bytes_per_hour: float) -> str:
    """C(+12.3 MiB an hour); a slow one by the day."""
    mib = bytes_per_hour / (1 << 20)
    return f"{mib:+.1f} MiB an hour" if abs(mib) >= 1 else f"{24 * mib:+.1f} MiB a day"


def span(seconds: float) -> str:
    for least, unit, name in _SPANS:
        if seconds >= least:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} seconds"
