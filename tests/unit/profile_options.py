# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What heap_profile is asked for where nothing is said."""

from __future__ import annotations

from typing import Any

OPTIONS: dict[str, Any] = {
    "tool": "heaptrack",
    "unit": None,
    "pid": None,
    "command": None,
    "confirm_attach": False,
    "duration": 60,
    "warm_up": None,
    "timeout": 600,
    "max_disk": "256M",
    "max_memory": None,
    "top": 10,
    "keep_raw": False,
}
