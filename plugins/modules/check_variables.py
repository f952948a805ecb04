#!/usr/bin/python
# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: check_variables
short_description: Refuse misspelled variables of this collection
version_added: 1.0.0
author:
  - The lifeboat.oom maintainers (@lifeboat)
description:
  - Looks at all variables of the host whose names begin like those of the roles of this collection, wherever they were
    declared. A name that no argument spec of the roles has would declare nothing. It is refused, and the message gives
    the nearest name that there is. A value that an argument spec refuses is refused here too. The message names the
    file and the line where Ansible knows them.
  - Every role does this first. You need a task of your own only where you use the modules without the roles.
extends_documentation_fragment:
  - lifeboat.oom.attributes
  - lifeboat.oom.attributes.looks
notes:
  - This is an action plugin, it runs on the controller.
"""

EXAMPLES = r"""
- name: No variable is misspelled
  lifeboat.oom.check_variables:
"""

RETURN = r"""# It fails, or says nothing."""
