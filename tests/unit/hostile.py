# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a device may say to harm whoever reads the report."""

from __future__ import annotations

MARKUP = "</script><script>alert(1)</script>\"'&<b onmouseover=x>{{ 7 * 7 }}{% raw %}<!--"
HOSTILE = (
    MARKUP,
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    " =1+1",
    "\uff1d1+1",
    "a\nb\r\nc",
    "\x00\x1b[2J\x1b]0;x\x07\x9b31m",
    "\u202etxt.exe\u2028\u2029",
    "\ud800\udcff",
    "\ufffe]]>",
    'x",host="other"} 1\\',
    "x" * 10_000,
    "../../etc/passwd",
    "",
    " ",
)
