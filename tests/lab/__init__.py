# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices to test on: Debian machines with a kernel, a systemd and an OOM killer of their own."""

from __future__ import annotations

from .process import LabError
from .uml import Lab, Machine

__all__ = ["Lab", "LabError", "Machine"]
