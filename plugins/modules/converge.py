#!/usr/bin/python
# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: converge
short_description: Bring a host to all that is declared for it, or leave it as it is
version_added: 1.0.0
author:
  - The lifeboat.oom maintainers (@lifeboat)
description:
  - Does what the modules of all families of settings do, such as M(lifeboat.oom.overcommit),
    M(lifeboat.oom.oom_reaction) and M(lifeboat.oom.service_oom_score), in one step.
  - All that is declared is validated, and every guard of every family is asked, before anything is written. What a
    check mode run promises, a real one does.
  - Where something fails all the same, the message says which families have been converged before and stand.
extends_documentation_fragment:
  - lifeboat.oom.attributes
attributes:
  check_mode:
    support: full
    description: Answers with what a real run would do, from the same plan.
  diff_mode:
    support: full
    description: Shows each value that changes with its layer, the files, and the kill order.
options:
  declared:
    description:
      - What is declared, by family. V(overcommit), V(reaction) and V(services) hold the options of
        M(lifeboat.oom.overcommit), M(lifeboat.oom.oom_reaction) and M(lifeboat.oom.service_oom_score).
      - A family that is not there is not managed. The filter P(lifeboat.oom.declared#filter) makes it of the variables
        of an inventory.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: All of it, or nothing
  lifeboat.oom.converge:
    declared:
      overcommit: {mode: never, ratio: auto}
      reaction: {panic_on_oom: global, panic_reboot_seconds: 10}
      services:
        services:
          - {name: kiosk, oom_score_adj: -800}

- name: What the variables of this host declare
  lifeboat.oom.converge:
    declared: "{{ dict(names | zip(query('ansible.builtin.vars', *names))) | lifeboat.oom.declared }}"
  vars:
    names: "{{ query('ansible.builtin.varnames', '^oom_(kernel|protect)_') }}"
"""

RETURN = r"""
families:
  description: By the name of the family what its module returns.
  returned: always
  type: dict
plan:
  description: Each value that differed, of all families, with its layer.
  returned: always
  type: list
  elements: dict
"""

from ansible_collections.lifeboat.oom.plugins.module_utils._runner import run
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.family_module import converge_declared


def main() -> None:
    run({"declared": {"type": "dict", "required": True}}, converge_declared)


if __name__ == "__main__":
    main()
