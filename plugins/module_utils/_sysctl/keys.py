# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every sysctl that this collection may own."""

from __future__ import annotations

MODE = "vm.overcommit_memory"
RATIO = "vm.overcommit_ratio"
KBYTES = "vm.overcommit_kbytes"
ADMIN_RESERVE = "vm.admin_reserve_kbytes"
USER_RESERVE = "vm.user_reserve_kbytes"

OVERCOMMIT_KEYS = (MODE, RATIO, KBYTES, ADMIN_RESERVE, USER_RESERVE)
PANIC_ON_OOM = "vm.panic_on_oom"
PANIC_SECONDS = "kernel.panic"
KILL_ALLOCATING_TASK = "vm.oom_kill_allocating_task"
DUMP_TASKS = "vm.oom_dump_tasks"
OOM_KEYS = (PANIC_ON_OOM, PANIC_SECONDS, KILL_ALLOCATING_TASK, DUMP_TASKS)
ALL_KEYS = OVERCOMMIT_KEYS + OOM_KEYS

# Writing the one zeroes the other: overcommit_ratio_handler() and overcommit_kbytes_handler(), mm/util.c.
VOIDS = {RATIO: KBYTES, KBYTES: RATIO}
# What a kernel starts with: Documentation/admin-guide/sysctl/vm.rst.
DEFAULTS = {MODE: "0", RATIO: "50", PANIC_ON_OOM: "0", KILL_ALLOCATING_TASK: "0", DUMP_TASKS: "1"}
# The default of these depends on the machine or the build: what they were before us is kept in our file.
REMEMBERED = (ADMIN_RESERVE, USER_RESERVE, PANIC_SECONDS)
