#!/usr/bin/python
# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: check_variables
short_description: Refuse variables that begin like those of this collection and are none
version_added: 1.0.0
author:
  - The lifeboat.oom maintainers (@lifeboat)
description:
  - Looks at all variables of the host that begin like those of the roles of this collection, wherever they were
    declared. A name that no argument spec of the roles has is refused with the one that is nearest, for it declares
    nothing. So is a value that an argument spec refuses, with the file and the line where Ansible knows them.
  - Every role does so first. It takes a task of this module only where the modules are used without the roles.
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
