# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What C(heaptrack_print) writes, taken apart (src/analyze/print/heaptrack_print.cpp of 1.4 and 1.5)."""

from __future__ import annotations

import re
from typing import List, Optional, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.sites import GROWN, Frame, Profile, Site

_UNITS = {"B": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_SIZE = r"(-?\d+(?:\.\d+)?)([BKMGT])"
# Without the colon at its end it is the whole of a place, with it one way that leads there.
_LEAKED = re.compile(rf"^\s*{_SIZE} leaked over (\d+) calls? from(:?)$")
_AT = re.compile(r"^\s+at (.+):(\d+)$")
_IN = re.compile(r"^\s+in (.+)$")
_REST = re.compile(r"^\s+and +\S+ from \d+ other places$")
_ADDRESS = re.compile(r"^0x([0-9a-f]+)$")
_PEAK = re.compile(rf"^peak heap memory consumption: {_SIZE}$", re.MULTILINE)
_TOTAL = re.compile(rf"^total memory leaked: {_SIZE}$", re.MULTILINE)


def parse_heaptrack(text: str) -> Profile:
    """The section I(MEMORY LEAKS) of C(heaptrack_print --print-leaks=1), and the totals at the end.

    Sizes are as exact as they are printed: three or four digits. Where less is held than before (with C(--diff)) it
    is no site. Raises LifeboatError where this is not the output of heaptrack_print.
    """
    if "heaptrack" not in text[:2000] and "finished reading file" not in text[:2000] and not _TOTAL.search(text):
        raise LifeboatError(f"heaptrack_print: found {text[:80]!r}, expected its report; run it by hand to see why")
    total, peak = _TOTAL.search(text), _PEAK.search(text)
    return Profile(
        peak_bytes=_bytes(*peak.groups()) if peak else None,
        leaked_bytes=max(0, _bytes(*total.groups())) if total else None,
        sites=tuple(site for site in _sites(text) if site.bytes > 0),
        complete=total is not None,
    )


def _sites(text: str) -> List[Site]:
    sites: List[Site] = []
    place: List[str] = []
    way: List[str] = []
    head: Optional[Tuple[int, int]] = None
    lines = place
    inside = False
    for line in [*text.split("\n"), ""]:
        leaked = _LEAKED.match(line)
        if leaked or not line.strip():
            if head:
                sites.append(Site(*head, GROWN, _frames(place) + _frames(way)))
            head, way = None, []
        if leaked:
            inside = True
            size, unit, calls, is_way = leaked.groups()
            if is_way:
                head, lines = (_bytes(size, unit), int(calls)), way
            else:
                place = lines = []
        elif inside and line.strip() and not _REST.match(line):
            lines.append(line)
        elif not line.strip():
            inside = False
    return [site for site in sites if site.stack]


def _frames(lines: List[str]) -> Tuple[Frame, ...]:
    """A function, then where it stands and in which object; an inlined one is in the object of the one before."""
    frames: List[Frame] = []
    for line in lines:
        at, inside = _AT.match(line), _IN.match(line)
        if at and frames:
            frames[-1] = _with(frames[-1], file=at.group(1), line=int(at.group(2)))
        elif inside and frames:
            frames[-1] = _with(frames[-1], object=inside.group(1))
        else:
            name = line.strip()
            address = _ADDRESS.match(name)
            last = frames[-1].object if frames else None
            frames.append(
                Frame(None, object=last, address=int(address.group(1), 16)) if address else Frame(name, object=last)
            )
    return tuple(frames)


def _with(frame: Frame, file: Optional[str] = None, line: Optional[int] = None, object: Optional[str] = None) -> Frame:
    return Frame(frame.function, file or frame.file, line or frame.line, object or frame.object, frame.address)


def _bytes(number: str, unit: str) -> int:
    return round(float(number) * _UNITS[unit])
