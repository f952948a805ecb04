# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all modules say of themselves, and those that only look."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
attributes:
  action_group:
    description: Use C(group/lifeboat.oom.lifeboat) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - lifeboat.oom.lifeboat
  platform:
    description: The systems that it is for.
    support: full
    platforms: Linux
"""

    LOOKS = r"""
attributes:
  check_mode:
    support: full
    description: Does the same as without.
  diff_mode:
    support: none
    description: Nothing changes on a device.
"""
