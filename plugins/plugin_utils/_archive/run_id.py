# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The run of ansible-playbook that an audit belongs to."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

psutil: Any
try:
    import psutil
except ImportError:
    psutil = None


def this_run(proc: Path = Path("/proc")) -> str:
    """The same for every host and task of a run: a task runs in a process whose parent is ansible-playbook.

    C(CONTROLLER:PID:START), without the start where the controller shows it neither in C(/proc) nor to psutil.
    """
    parent = os.getppid()
    return ":".join(filter(None, (platform.node(), str(parent), _started(proc, parent))))


def _started(proc: Path, pid: int) -> str:
    try:
        # Field 22, the start in ticks since boot; the name before it may hold blanks and brackets.
        return (proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "" if psutil is None else str(psutil.Process(pid).create_time())
