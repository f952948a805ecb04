#!/usr/bin/python
# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_report
short_description: One page about all hosts that were audited
version_added: 0.1.0
author:
  - The lifeboat.oom maintainers (@lifeboat)
description:
  - Reads the records that M(lifeboat.oom.audit) has written and makes C(index.html) of them, which opens from disk.
  - Says which hosts of this run are as bad as O(fail_on). Failing is left to the caller.
notes:
  - This is an action plugin, it runs on the controller. Run it once for all hosts.
attributes:
  check_mode:
    support: full
    description: Does the same as without.
  diff_mode:
    support: none
    description: Nothing changes on a device.
options:
  report_dir:
    description:
      - The folder on the controller that holds the records and the report.
    type: str
    required: true
  fail_on:
    description:
      - What counts as bad. V(drift) is any drift, and anything declared that does not hold or could not be compared;
        V(warning) and V(critical) are findings of that severity or worse, and V(warning) includes drift.
    type: str
    choices: [none, drift, warning, critical]
    default: none
  hosts:
    description:
      - The hosts to summarise and to judge. Without it, the hosts of the play.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Report
  lifeboat.oom.fleet_report:
    report_dir: oom-report
    fail_on: drift
  run_once: true
  register: report
"""

RETURN = r"""
page:
  description: The page.
  returned: always
  type: str
records:
  description: The folder of the records.
  returned: always
  type: str
crossed:
  description: The hosts that are as bad as O(fail_on).
  returned: always
  type: list
  elements: str
summary:
  description: The hosts for a person, line by line.
  returned: always
  type: list
  elements: str
"""
