#!/usr/bin/python
# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: overcommit
short_description: Declare how the kernel hands out memory
version_added: 1.0.0
author:
  - The lifeboat.oom maintainers (@lifeboat)
description:
  - Manages C(vm.overcommit_memory) and the settings around it, in the running kernel and in one sysctl file of
    its own, and reads both again after writing.
  - Refuses to enter O(mode=never), or to lower its limit, where too little could still be promised, with the
    numbers. That mode starves what must start, C(sshd) among it.
  - Computes which file wins at the next boot, and fails naming file and line where it is not ours.
  - What is not given is not managed.
extends_documentation_fragment:
  - lifeboat.oom.attributes
  - lifeboat.oom.sysctl
options:
  mode:
    description:
      - V(heuristic) refuses only requests that are obviously too large (0, the kernel's default), V(always)
        refuses nothing (1), V(never) promises no more than the commit limit (2).
      - A number or a YAML boolean is refused with the word that is meant.
    type: raw
  ratio:
    description:
      - The commit limit of V(never) as a share of RAM in percent, on top of all swap.
      - V(auto) takes a ratio that leaves O(min_headroom_pct) of the limit free and a little more, in steps of five,
        so that it holds when what is committed moves; one that it wrote before stays as long as it is enough.
      - Services that are enabled, or have failed, and do not run now count with the most that they held in an earlier
        run, as systemd 255 and newer or its journal tells, or with O(needs_mib). A warning names those whose size is
        not known. Services of C(Type=oneshot), and services whose conditions are not met, do not count.
      - Mutually exclusive with O(kbytes), which the kernel zeroes when this is written.
    type: raw
  kbytes:
    description:
      - The commit limit of V(never) in KiB, on top of all swap. Mutually exclusive with O(ratio).
    type: raw
  admin_reserve_kbytes:
    description:
      - What V(never) keeps back for root, in KiB, so that somebody can still log in and end something.
    type: raw
  user_reserve_kbytes:
    description:
      - What V(never) keeps back from a single process, in KiB, at most a 32nd of its size.
    type: raw
  min_headroom_pct:
    description:
      - How much of the commit limit of V(never) has to be free when it is entered or lowered, in percent.
      - The danger of a small value is a device that nobody can log in to.
    type: raw
    default: 10
  needs_mib:
    description:
      - What services will ask for when they run, in MiB by unit. It counts while the service is enabled, or has failed,
        and does not run.
      - A program can ask for more than it ever holds, and twice that when it forks.
    type: raw
    default: {}
"""

EXAMPLES = r"""
- name: Promise only what there is, as tightly as this device allows
  lifeboat.oom.overcommit:
    mode: never
    ratio: auto

- name: The same where a database is not started before all is configured
  lifeboat.oom.overcommit:
    mode: never
    ratio: auto
    needs_mib:
      mariadb.service: 400

- name: Try a ratio until the next boot
  lifeboat.oom.overcommit:
    ratio: 90
    persistent: false

- name: Back to what the other files say
  lifeboat.oom.overcommit:
    state: absent
"""

RETURN = r"""
settings:
  description: Each sysctl with what is declared, and its layers before and after.
  returned: always
  type: dict
  sample:
    vm.overcommit_memory:
      declared: "2"
      before: {cmdline: null, file: null, boot_winner: null, runtime: "0"}
      after:
        cmdline: null
        file: "2"
        boot_winner: {file: /etc/sysctl.d/99-zz-lifeboat-oom.conf, line: 4, value: "2"}
        runtime: "2"
plan:
  description: Each value that differed, with its layer (V(runtime), V(file), V(boot)).
  returned: always
  type: list
  elements: dict
guard:
  description: The numbers of mode V(never) as they would be; V(null) where that mode is not on.
  returned: always
  type: dict
  sample:
    limit_kib: 329230
    committed_kib: 61200
    reserve_kib: 10104
    room_kib: 257926
    room_pct: 78.3
    wanted_pct: 10
    passes: true
    dormant_kib: 0
    room_now_kib: null
    ratio_that_passes: 22
    dormant: {}
    not_counted: []
forced:
  description: Whether the guard refused and O(force) overruled it.
  returned: always
  type: bool
notes:
  description: How V(auto) was decided, and what can never be promised.
  returned: always
  type: list
  elements: str
loader:
  description: The program that sets sysctls at boot here.
  returned: always
  type: str
  sample: systemd
overridden:
  description: The files that were edited because another one would have won, with O(on_conflict=override).
  returned: always
  type: list
  elements: str
foreign_lines:
  description: Numbers of the lines of our file that are not ours; they are kept.
  returned: always
  type: list
  elements: int
"""

from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.family_module import run_family


def main() -> None:
    run_family("overcommit")


if __name__ == "__main__":
    main()
