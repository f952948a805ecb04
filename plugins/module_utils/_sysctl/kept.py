# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a sysctl file may leave a device: it may hold secrets, such as C(net.ipv6.conf.all.stable_secret)."""

from __future__ import annotations

import re
from functools import partial
from typing import List, Optional, Sequence, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import TooMuch
from ansible_collections.lifeboat.oom.plugins.module_utils._kept_lines import kept_lines
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.file_syntax import Loader
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.own_file import BEFORE, COMMENTED, HEADER_LINES
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.precedence import SysctlFile, boot_writes, sources


def kept(text: str, loader: Loader, keys: Sequence[str]) -> str:
    """The lines that set one of I(keys), by a pattern too, or keep patterns away from it; the same ones commented out
    by us, and what our own file remembers. Of all others only what kind they are.
    """
    return kept_lines(text, partial(_kept, loader=loader, keys=keys))


def _kept(line: str, loader: Loader, keys: Sequence[str]) -> Optional[str]:
    said = line[len(COMMENTED) :] if line.startswith(COMMENTED) else line
    known = line in HEADER_LINES or BEFORE.match(line)
    return line if known or _touches(said, loader, keys) else None


def _touches(line: str, loader: Loader, keys: Sequence[str]) -> bool:
    if not any(word in line for word in ("*", "?", "[", "{", *_last_names(keys))):
        return False
    if "=" not in line:  # C(-key): away with the minus, and it reaches what it excludes
        line = line.strip(" \t").lstrip("-") + " = 1"
    try:
        return any(boot_writes((SysctlFile(sources(each).last, line),), each, keys) for each in {loader, "systemd"})
    except TooMuch:  # which is told of the file, once it is read
        return True


def _last_names(keys: Sequence[str]) -> List[str]:
    return sorted({re.split("[./]", key)[-1] for key in keys})


def kept_patterns(keys: Sequence[str]) -> Tuple[str, ...]:
    """Extended regular expressions for all lines that C(kept()) shows whole, and few others."""
    names = "|".join(_last_names(keys))
    start = "(# lifeboat\\.oom: )?[-/.*?[{" + "".join(sorted({key[0] for key in keys})) + "][^=]*"
    return (
        "# before lifeboat\\.oom: .*",
        *(re.sub(r"([.()])", r"\\\1", line) + "$" for line in HEADER_LINES if line),
        f"{start}({names})[^=[:alnum:]_]*(=.*)?$",
        start + "[]*?}][^=./]*(=.*)?$",
    )
