# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that every module of sysctls has."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
attributes:
  check_mode:
    support: full
    description: Answers with what a real run would do, from the same plan.
  diff_mode:
    support: full
    description: Shows the running values and the file.
options:
  state:
    description:
      - V(absent) takes our lines away and brings the running kernel back to what the other files, the kernel command
        line or its own defaults say. Settings without a fixed default (the two reserves, C(kernel.panic)) go back to
        what they were before the first change, which our file keeps as a comment. Lines of other files that
        O(on_conflict=override) has commented out are there again.
    type: str
    choices: [present, absent]
    default: present
  runtime:
    description:
      - Whether the running kernel is managed. Turn it off in an image build.
    type: bool
    default: true
  persistent:
    description:
      - Whether the file is managed. Turn it off for a trial that ends with the next boot.
    type: bool
    default: true
  force:
    description:
      - Apply also what the module refuses as dangerous. Recorded as RV(forced).
    type: bool
    default: false
  sysctl_file:
    description:
      - The file that is ours, below C(/etc) or C(/run). It has to end in C(.conf), and has to sort after all others to
        win.
    type: path
    default: /etc/sysctl.d/99-zz-lifeboat-oom.conf
  on_conflict:
    description:
      - What to do where another file would win at the next boot. V(override) comments that line out and keeps the file
        as it was beside it, with C(.before-lifeboat-oom) behind its name; a file below C(/usr) or C(/run) is left alone
        and covered by a copy in C(/etc/sysctl.d).
    type: str
    choices: [fail, warn, override]
    default: fail
notes:
  - One run at a time changes a device. Another one waits up to five minutes, sees then what the first has left, or says
    who is there.
"""
