# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one sysctl file that is ours: which of its lines we wrote, and its text after a change."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.file_syntax import Assignment, numbered_lines, parse
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.values import taken

HEADER = (
    "# Managed by the Ansible collection lifeboat.oom: changes to these keys are overwritten.\n"
    "# Declare them in the inventory (variables that begin with oom_kernel_) instead.\n"
)
HEADER_LINES = HEADER.split("\n")
# Before a line of another file that would have won over ours.
COMMENTED = "# lifeboat.oom: "
# What the running kernel had before us, for the keys whose default depends on the machine.
BEFORE = re.compile(r"^# before lifeboat\.oom: (\S+) = (\S+)$")


def own_values(text: Optional[str], keys: Sequence[str]) -> Dict[str, str]:
    """The values of I(keys) that stand in our file, as the kernel takes the last one of each, however it is spelled."""
    return {found.key: found.value for found in _ours(text, keys)}


def _ours(text: Optional[str], keys: Sequence[str]) -> List[Assignment]:
    """The lines that set one of I(keys), with the value that the kernel takes; one that it refuses sets nothing, and
    is not of our making.
    """
    lines = [found for found in parse(text or "", "").assignments if found.key in keys and not found.excludes]
    values = [(found, taken(found.key, found.value)) for found in lines]
    return [replace(found, value=value) for found, value in values if value is not None]


def values_before(text: Optional[str]) -> Dict[str, str]:
    """What the kernel had before we first wrote a key."""
    matches = [BEFORE.match(line) for _unused, line in numbered_lines(text or "")]
    values = {match.group(1): taken(match.group(1), match.group(2)) for match in matches if match}
    return {key: value for key, value in values.items() if value is not None}


def foreign_lines(text: Optional[str], keys: Sequence[str]) -> Tuple[Tuple[int, str], ...]:
    """Number and text of the lines that somebody else put into our file.

    Those that are commented out there were ours, while another file was.
    """
    ours = {found.line for found in _ours(text, keys)}
    return tuple(
        (number, line)
        for number, line in numbered_lines(text or "")
        if line.strip()
        and number not in ours
        and line not in HEADER_LINES
        and not line.startswith(COMMENTED)
        and not BEFORE.match(line)
    )


def edited(
    text: Optional[str],
    values: Mapping[str, Optional[str]],
    before: Mapping[str, str],
    keys: Sequence[str],
) -> Optional[str]:
    """The text with I(values) set (C(None) takes a key out); C(None) where nothing is left to say.

    I(values) stand at the end in their given order, which is the order in which a loader writes them.
    I(before) are values to remember, I(keys) all keys that this collection writes. Foreign lines are kept,
    ours come after them and win.
    """
    ours: Dict[str, str] = {key: value for key, value in own_values(text, keys).items() if key not in values}
    ours.update({key: value for key, value in values.items() if value is not None})
    remembered = dict(before)
    remembered.update(values_before(text))
    foreign = [line for _unused, line in foreign_lines(text, keys)]
    if not ours and not foreign:
        return None
    lines: List[str] = [line + "\n" for line in foreign]
    lines += [f"# before lifeboat.oom: {key} = {remembered[key]}\n" for key in sorted(remembered) if key in ours]
    lines += [f"{key} = {value}\n" for key, value in ours.items()]
    return HEADER + "".join(lines)
