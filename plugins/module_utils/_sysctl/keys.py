# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sysctls that the code has something to say about by name."""

from __future__ import annotations

MODE = "vm.overcommit_memory"
RATIO = "vm.overcommit_ratio"
KBYTES = "vm.overcommit_kbytes"
ADMIN_RESERVE = "vm.admin_reserve_kbytes"
USER_RESERVE = "vm.user_reserve_kbytes"
PANIC_ON_OOM = "vm.panic_on_oom"
PANIC_SECONDS = "kernel.panic"
KILL_ALLOCATING_TASK = "vm.oom_kill_allocating_task"
DUMP_TASKS = "vm.oom_dump_tasks"
SWAPPINESS = "vm.swappiness"

# Writing the one zeroes the other: overcommit_ratio_handler() and overcommit_kbytes_handler(), mm/util.c.
VOIDS = {RATIO: KBYTES, KBYTES: RATIO}
