# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From our values to what JSON and terminals take."""

from __future__ import annotations

from typing import Any, Mapping


def printable(value: Any) -> Any:
    """The value with bytes that are not UTF-8 spelled out as C(\\xNN): JSON and terminals take no others."""
    if isinstance(value, str):
        try:
            data = value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:  # half a surrogate pair, as JSON can hold it
            data = value.encode("utf-8", "backslashreplace")
        return data.decode("utf-8", "backslashreplace")
    if isinstance(value, Mapping):
        return {printable(key): printable(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [printable(entry) for entry in value]
    return value
