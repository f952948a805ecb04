#!/usr/bin/python
# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: oom_reaction
short_description: Declare what the kernel does when memory has run out
version_added: 1.0.0
author:
  - The lifeboat.oom maintainers (@lifeboat)
description:
  - Manages C(vm.panic_on_oom), C(kernel.panic), C(vm.oom_kill_allocating_task) and C(vm.oom_dump_tasks), in the
    running kernel and in one sysctl file, and reads both again after writing.
  - Refuses a panic without a reboot, which leaves a device hanging until somebody pulls its plug.
  - Computes which file wins at the next boot, and fails naming file and line where it is not ours.
  - What is not given is not managed.
extends_documentation_fragment:
  - lifeboat.oom.attributes
  - lifeboat.oom.sysctl
options:
  panic_on_oom:
    description:
      - V(no) kills a process (0, the kernel's default). V(global) stops the kernel when memory of the whole device has
        run out (1). V(always) does so also when only a cgroup, a cpuset or a memory policy has none left (2).
      - An unquoted C(no), which is a boolean in YAML, is taken for V(no).
    type: raw
  panic_reboot_seconds:
    description:
      - Seconds from a kernel panic, any panic, to the reboot (C(kernel.panic)). V(0) never reboots.
    type: raw
  kill_allocating_task:
    description:
      - Whether the kernel kills the process that happened to ask for memory, and not the one with the most badness
        points. Scores of services mean nothing then.
    type: bool
  dump_tasks:
    description:
      - Whether the kernel's OOM report holds the table of all processes. Without it nobody can tell afterwards why
        that process was chosen.
    type: bool
"""

EXAMPLES = r"""
- name: A device that has run out of memory reboots after ten seconds
  lifeboat.oom.oom_reaction:
    panic_on_oom: global
    panic_reboot_seconds: 10

- name: Kill one process, and leave a full report
  lifeboat.oom.oom_reaction:
    panic_on_oom: "no"
    kill_allocating_task: false
    dump_tasks: true
"""

RETURN = r"""
settings:
  description: Each sysctl with what is declared, and its layers before and after.
  returned: always
  type: dict
  sample:
    vm.panic_on_oom:
      declared: "1"
      before: {cmdline: null, file: null, boot_winner: null, runtime: "0"}
      after:
        cmdline: null
        file: "1"
        boot_winner: {file: /etc/sysctl.d/99-zz-lifeboat-oom.conf, line: 5, value: "1"}
        runtime: "1"
plan:
  description: Each value that differed, with its layer (V(runtime), V(file), V(boot)).
  returned: always
  type: list
  elements: dict
forced:
  description: Whether a panic without a reboot was refused and O(force) overruled it.
  returned: always
  type: bool
loader:
  description: The program that sets sysctls at boot here.
  returned: always
  type: str
  sample: systemd
foreign_lines:
  description: Numbers of the lines of our file that are not ours; they are kept.
  returned: always
  type: list
  elements: int
overridden:
  description: The files that were edited because another one would have won, with O(on_conflict=override).
  returned: always
  type: list
  elements: str
"""

from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.family_module import run_family


def main() -> None:
    run_family("reaction")


if __name__ == "__main__":
    main()
