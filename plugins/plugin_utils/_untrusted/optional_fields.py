# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a small answer of a device of whatever shape: the one place that knows that a key may be missing.

What is not there, or not of the type that was asked for, is C(None) or empty; nothing here raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

# Behind it the offset of a time zone leads out of the calendar.
_END_OF_TIME = int(datetime(9999, 12, 30, tzinfo=UTC).timestamp())


def at(data: Any, *path: str) -> Any:
    """The value below the keys of I(path), C(None) where one of them is missing."""
    for key in path:
        if not isinstance(data, Mapping):
            return None
        data = data.get(key)
    return data


def number(data: Any, *path: str) -> int | float | None:
    value = at(data, *path)
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    # What a database cannot hold is no number of ours; neither is what is not finite.
    return value if -(2**63) <= value < 2**63 else None


def integer(data: Any, *path: str) -> int | None:
    value = number(data, *path)
    return None if value is None else int(value)


def text(data: Any, *path: str) -> str | None:
    value = at(data, *path)
    return value if isinstance(value, str) and value else None


def flag(data: Any, *path: str) -> bool | None:
    value = at(data, *path)
    return value if isinstance(value, bool) else None


def entries(data: Any, *path: str) -> list[Mapping[str, Any]]:
    """The dictionaries of a list."""
    return [entry for entry in items(data, *path) if isinstance(entry, Mapping)]


def items(data: Any, *path: str) -> list[Any]:
    value = at(data, *path)
    return list(value) if isinstance(value, (list, tuple)) else []


def seconds(when: str | None) -> int | None:
    """ISO 8601 from 1970 on as seconds since the epoch, C(None) for any other text. Without an offset it is UTC."""
    try:
        moment = datetime.fromisoformat(when or "")
        found = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return None
    return found if 0 <= found < _END_OF_TIME else None
