# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a sysctl file may leave a device: it may hold secrets, such as C(net.ipv6.conf.all.stable_secret)."""

from __future__ import annotations

import re
from itertools import islice
from typing import List, Optional, Sequence, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import TooMuch
from ansible_collections.lifeboat.oom.plugins.module_utils._kept_lines import kept_lines, line_pattern
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.file_syntax import Loader
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.own_file import BEFORE, COMMENTED, HEADER_LINES
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.precedence import (
    MOST_PATTERNS,
    SysctlFile,
    boot_writes,
    sources,
    without_braces,
)


class Keeper:
    """Tells the lines that set one of I(keys), by a pattern too, or keep patterns away from it; the same ones commented
    out by us, and what our own file remembers. Of all others only what kind they are.

    One for all texts of a host: it raises TooMuch where their patterns stand for more than somebody writes.
    """

    def __init__(self, loader: Loader, keys: Sequence[str]) -> None:
        self._loaders, self._keys, self._patterns = {loader, "systemd"}, keys, 0
        self._names = _last_names(keys)

    def kept(self, text: str) -> str:
        return kept_lines(text, self._kept)

    def _kept(self, line: str) -> Optional[str]:
        said = line[len(COMMENTED) :] if line.startswith(COMMENTED) else line
        known = line in HEADER_LINES or BEFORE.match(line)
        return line if known or self._touches(said) else None

    def _touches(self, line: str) -> bool:
        is_pattern = any(sign in line for sign in "*?[{")
        if not is_pattern and not any(name in line for name in self._names):
            return False
        if is_pattern:
            key = line.partition("=")[0]
            self._patterns += sum(1 for _one in islice(without_braces(key), MOST_PATTERNS + 1))
            TooMuch.check("sysctl files: names that patterns stand for", self._patterns, MOST_PATTERNS)
        if "=" not in line:  # C(-key): away with the minus, and it reaches what it excludes
            line = line.strip(" \t").lstrip("-") + " = 1"
        try:
            return any(boot_writes((SysctlFile(sources(each).last, line),), each, self._keys) for each in self._loaders)
        except TooMuch:  # which is told of the file, once it is read
            return True


def kept(text: str, loader: Loader, keys: Sequence[str]) -> str:
    """The same of one text."""
    return Keeper(loader, keys).kept(text)


def _last_names(keys: Sequence[str]) -> List[str]:
    return sorted({re.split("[./]", key)[-1] for key in keys})


def kept_patterns(keys: Sequence[str]) -> Tuple[str, ...]:
    """Extended regular expressions for all lines that C(Keeper) shows whole, and few others."""
    names = "|".join(_last_names(keys))
    start = "(# lifeboat\\.oom: )?[-/.*?[{" + "".join(sorted({key[0] for key in keys})) + "][^=]*"
    return (
        "# before lifeboat\\.oom: .*",
        *(line_pattern(line) for line in HEADER_LINES if line),
        f"{start}({names})[^=[:alnum:]_]*(=.*)?$",
        start + "[]*?}][^=./]*(=.*)?$",
    )
