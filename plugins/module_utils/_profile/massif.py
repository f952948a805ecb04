# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What C(valgrind --tool=massif) writes, taken apart (massif/ms_main.c; the format that ms_print(1) reads)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Dict, List, Optional, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.sites import HELD, Frame, Profile, Site

_SNAPSHOT = re.compile(r"^snapshot=\d+$")
_HEAP = re.compile(r"^mem_heap(?:_extra)?_B=(\d+)$")
_NODE = re.compile(r"^( *)n(\d+): (\d+) (.*)$")
_PLACE = re.compile(r"^0x([0-9A-Fa-f]+): (.*?)(?: \((?:in )?([^()]*?)(?::(\d+))?\))?$")
_MAPPING = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) [r-][w-]x\S* \S+ \S+ \S+ +(/.*)$")


def parse_massif(text: str, maps: str = "") -> Profile:
    """The largest of all snapshots, and who holds what in the last detailed one.

    Massif names no object where it knows the line; I(maps), the process's C(/proc/PID/maps), tells it by address.
    Massif does not look for leaks: I(leaked_bytes) is C(None). Raises LifeboatError where this is not its output.
    """
    if not text.startswith("desc:"):
        raise LifeboatError(f"valgrind: found {text[:80]!r}, expected the output of massif")
    peak = 0
    tree: List[re.Match[str]] = []
    for snapshot in _snapshots(text):
        heap = sum(int(match.group(1)) for match in map(_HEAP.match, snapshot) if match)
        peak = max(peak, heap)
        nodes = [match for match in map(_NODE.match, snapshot) if match]
        tree = nodes or tree
    objects = _objects(maps)
    return Profile(peak, None, tuple(_sites([_parts(node) for node in tree], objects)))


def _snapshots(text: str) -> List[List[str]]:
    found: List[List[str]] = []
    for line in text.split("\n"):
        if _SNAPSHOT.match(line):
            found.append([])
        elif found:
            found[-1].append(line)
    return found


def _parts(node: re.Match[str]) -> Tuple[int, int, str]:
    return len(node.group(1)), int(node.group(3)), node.group(4)


def _sites(nodes: List[Tuple[int, int, str]], objects: Dict[Tuple[int, int], str]) -> List[Site]:
    """A node is a place, those one deeper are its callers: what they do not account for is held by itself."""
    sites: List[Site] = []
    path: List[Tuple[Frame, int]] = []  # from the place to its callers, with what is not accounted for
    for depth, size, said in [*nodes, (0, 0, "")]:
        while len(path) >= max(depth, 1):
            _unused, left = path[-1]
            if left > 0:
                sites.append(Site(left, 0, HELD, tuple(frame for frame, _unused in path)))
            path.pop()
        frame = _frame(said, objects) if depth == len(path) + 1 else None
        if frame:  # else it is the root, or "in 3 places, all below massif's threshold (1.00%)"
            if path:
                path[-1] = (path[-1][0], path[-1][1] - size)
            path.append((frame, size))
    return sites


def _frame(said: str, objects: Dict[Tuple[int, int], str]) -> Optional[Frame]:
    place = _PLACE.match(said)
    if place is None:
        return None
    address, name, where, line = int(place.group(1), 16), place.group(2), place.group(3), place.group(4)
    mapped = next((path for (low, high), path in objects.items() if low <= address < high), None)
    frame = Frame(None if name == "???" else name, object=mapped, address=address)
    if line:
        return replace(frame, file=where, line=int(line))
    return replace(frame, object=mapped or where)


def _objects(maps: str) -> Dict[Tuple[int, int], str]:
    matches = filter(None, map(_MAPPING.match, maps.split("\n")))
    return {(int(match.group(1), 16), int(match.group(2), 16)): match.group(3) for match in matches}
