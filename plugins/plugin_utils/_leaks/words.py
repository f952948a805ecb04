# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A trend in words, for findings and pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.optional_fields import integer, number, text

_BOUNDS = {"memory": "memory is used up", "limit": "the limit of its control group is reached"}
_SPANS = ((172_800, 86_400, "days"), (7_200, 3_600, "hours"), (120, 60, "minutes"))


def growth(trend: Mapping[str, Any]) -> str:
    """The rate of a trend as the record has it, how sure that is, and when it ends."""
    said = f"{_rate(trend)}, {number(trend, 'confidence_pct') or 0} % sure ({_by(trend)})"
    left = integer(trend, "seconds_left")
    return said if left is None else f"{said}; {_BOUNDS.get(text(trend, 'bound') or '', 'ends')} in {span(left)}"


def change(trend: Mapping[str, Any]) -> str:
    """The same of one that does not leak, which has nothing to be sure of."""
    return f"{_rate(trend)} ({_by(trend)})"


def _rate(trend: Mapping[str, Any]) -> str:
    return rate(number(trend, "rate_bytes_per_hour") or 0)


def _by(trend: Mapping[str, Any]) -> str:
    lives = integer(trend, "lives") or 1
    by = f"{integer(trend, 'samples')} samples over {span(integer(trend, 'seconds') or 0)}"
    return f"{by} in {lives} lives of the process" if lives > 1 else by


def rate(bytes_per_hour: float) -> str:
    """C(+12.3 MiB an hour); a slow one by the day."""
    mib = bytes_per_hour / (1 << 20)
    return f"{mib:+.1f} MiB an hour" if abs(mib) >= 1 else f"{24 * mib:+.1f} MiB a day"


def span(seconds: float) -> str:
    for least, unit, name in _SPANS:
        if seconds >= least:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} seconds"
