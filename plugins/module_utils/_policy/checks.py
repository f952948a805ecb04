# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks that declarations are made of. Every error names the variable or option and what to write."""

from __future__ import annotations

import posixpath
import re
from typing import Any, Dict, Mapping, Sequence

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import InvalidPolicy

INT_MAX = 2**31 - 1
SYSCTL_FILE = "/etc/sysctl.d/99-zz-lifeboat-oom.conf"


def shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def whole_number(where: str, value: Any, low: int, high: int) -> int:
    """An integer, also one that a template made text of; never a YAML boolean or a fraction."""
    expected = f"a whole number from {low} to {high}"
    if isinstance(value, bool):
        raise InvalidPolicy(
            f"{where}: found the YAML boolean {str(value).lower()}, expected {expected}; write the number"
        )
    if isinstance(value, str) and re.match(r"-?[0-9]{1,18}\Z", value.strip()):
        value = int(value)
    if not isinstance(value, int) or not low <= value <= high:
        raise InvalidPolicy(f"{where}: found {shown(value)}, expected {expected}")
    return value


def one_of(where: str, value: Any, words: Sequence[str], meant: Mapping[Any, str]) -> str:
    """One of I(words); I(meant) maps what people write instead (numbers, booleans) to the right word."""
    if isinstance(value, str) and value in words:
        return value
    hint = ""
    key = str(value).strip().lower()
    if key in meant:
        hint = f"; write {meant[key]}"
    raise InvalidPolicy("{}: found {}, expected one of: {}{}".format(where, shown(value), ", ".join(words), hint))


def known_keys(where: str, entry: Any, known: Sequence[str]) -> Dict[str, Any]:
    if not isinstance(entry, Mapping):
        raise InvalidPolicy(
            "{}: found {}, expected a dictionary with the keys: {}".format(where, shown(entry), ", ".join(known))
        )
    unknown = sorted(str(key) for key in entry if key not in known)
    if unknown:
        raise InvalidPolicy(
            "{}: unknown key {}, expected only: {}".format(where, ", ".join(map(shown, unknown)), ", ".join(known))
        )
    return dict(entry)


def sysctl_path(where: str, path: Any) -> str:
    """A file that a sysctl loader reads: absolute, tidy, C(.conf), below C(/etc) or C(/run)."""
    expected = "an absolute path below /etc or /run that ends in .conf, such as " + SYSCTL_FILE
    if not isinstance(path, str) or re.search(r"[\x00-\x1f\x7f]", path):
        raise InvalidPolicy(f"{where}: found {shown(path)}, expected {expected}")
    tidy = posixpath.normpath(path)
    if path != tidy or not tidy.startswith(("/etc/", "/run/")) or not tidy.endswith(".conf"):
        raise InvalidPolicy(f"{where}: found {shown(path)}, expected {expected}")
    return tidy
