# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sysctls on the kernel command line: C(sysctl.vm.overcommit_ratio=80)."""

from __future__ import annotations

import re
from typing import Iterator, List, Sequence, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.file_syntax import Assignment, simplified

CMDLINE = "/proc/cmdline"
# The first kernel that does not ignore them.
CMDLINE_SINCE = (5, 8)

# The kernel's isspace(): C(_ctype) counts the no-break space of Latin-1 as well.
_WORD = re.compile('(?:[^ \t-\r\xa0"]|"[^"]*"?)+')
_SYSCTL = re.compile(r"sysctl[./](.*)", re.DOTALL)


def cmdline_sysctls(text: str) -> Tuple[Assignment, ...]:
    """What the text of C(/proc/cmdline) sets, in the order of the writes.

    The kernel writes these right before it starts the first process, so every file that a loader reads later
    wins over them. Dots and slashes are both separators and nothing else, so a name with a dot in it
    (C(eth0.100)) cannot be reached. A parameter with no or an empty value sets nothing. Kernels before
    C(CMDLINE_SINCE) ignore them all.
    (fs/proc/proc_sysctl.c process_sysctl_arg(), init/main.c kernel_init(), lib/cmdline.c next_arg();
    Documentation/admin-guide/kernel-parameters.txt)
    """
    found: List[Assignment] = []
    for name, value in _parameters(text):
        match = _SYSCTL.fullmatch(name)
        key = simplified(match.group(1).replace("/", ".")) if match else ""
        if key and value:
            found.append(Assignment(key, value, CMDLINE, 1))
    return tuple(found)


def cmdline_pattern(keys: Sequence[str]) -> str:
    """An extended regular expression for the words that C(cmdline_sysctls()) needs: other ones may be passwords."""
    names = "|".join(re.split("[./]", key)[-1] for key in keys)
    return f'^"?sysctl[./][^=]*({names})[./]*=|^--$'


def _parameters(text: str) -> Iterator[Tuple[str, str]]:
    """Name and value of each parameter up to a lone C(--), without quotes around the value or the whole."""
    for word in _WORD.findall(text):
        if word == "--":
            return
        quoted = word.startswith('"')
        name, _unused, value = word[1 if quoted else 0 :].partition("=")
        if value.startswith('"'):
            quoted, value = True, value[1:]
        yield name, value[:-1] if quoted and value.endswith('"') else value
