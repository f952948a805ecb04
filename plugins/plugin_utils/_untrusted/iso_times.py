# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A time that a device or a record tells, as a number."""

from __future__ import annotations

from datetime import UTC, datetime

# Behind it the offset of a time zone leads out of the calendar.
_END_OF_TIME = int(datetime(9999, 12, 30, tzinfo=UTC).timestamp())


def seconds(when: str | None) -> int | None:
    """ISO 8601 from 1970 on as seconds since the epoch, C(None) for any other text. Without an offset it is UTC."""
    try:
        moment = datetime.fromisoformat(when or "")
        found = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return None
    return found if 0 <= found < _END_OF_TIME else None
