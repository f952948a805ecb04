# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What C(heaptrack_print) writes, taken apart (src/analyze/print/heaptrack_print.cpp of 1.0 to 1.5)."""

from __future__ import annotations

import re
from typing import List, Optional, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.sites import GROWN, Frame, Profile, Site

_UNITS = {"B": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
# Up to 1.2 units have a B behind them.
_SIZE = r"(-?\d+(?:\.\d+)?)(B|[KMGT]B?)"
# Without the colon at its end it is the whole of a place, with it one way that leads there. Where nothing of the way
# before is known its "??" has no end of line.
_LEAKED = re.compile(r"^\s*(?:\?\?)?(\S+) leaked over (\d+) calls? from(:?)$")
_AT = re.compile(r"^\s+at (.*):(\d+)$")
_IN = re.compile(r"^\s+in (.+)$")
_UNKNOWN = "??"
_REST = re.compile(r"^\s*(?:\?\?)?\s+and +\S+ from \d+ other places$")
_ADDRESS = re.compile(r"^0x([0-9a-f]+)$")
_NOTHING = Frame(None)
_PEAK = re.compile(r"^peak heap memory consumption: (\S+)$", re.MULTILINE)
_TOTAL = re.compile(r"^total memory leaked: (\S+)$", re.MULTILINE)


def parse_heaptrack(text: str) -> Profile:
    """The section I(MEMORY LEAKS) of C(heaptrack_print --print-leaks=1), and the totals at the end.

    Sizes are as exact as they are printed: three or four digits. Where less is held than before (with C(--diff)) it
    is no site. Raises LifeboatError where this is not the output of heaptrack_print, or has sizes of another kind.
    """
    if "heaptrack" not in text[:2000] and "finished reading file" not in text[:2000] and not _TOTAL.search(text):
        raise LifeboatError(f"heaptrack_print: found {text[:80]!r}, expected its report; run it by hand to see why")
    total, peak = _TOTAL.search(text), _PEAK.search(text)
    return Profile(
        peak_bytes=_bytes(peak.group(1)) if peak else None,
        leaked_bytes=max(0, _bytes(total.group(1))) if total else None,
        sites=tuple(site for site in _sites(text) if site.bytes > 0),
        complete=total is not None,
    )


def _sites(text: str) -> List[Site]:
    """Each way that leads to a place; the place itself where no way is told (--merge-backtraces=0)."""
    sites: List[Site] = []
    place: List[str] = []
    way: List[str] = []
    head: Optional[Tuple[int, int]] = None  # of what the lines belong to; outside of what leaked there is none
    lines = text.split("\n")
    for line, after in zip([*lines, ""], [*lines[1:], "", ""]):
        leaked = _LEAKED.match(line)
        # An inlined function may have no name: its line is empty, and where it stands follows.
        ends = not line.strip() and not _AT.match(after)
        if head and (ends or (leaked and way is not place)):
            sites.append(Site(*head, GROWN, _frames(place if way is place else place + way) or (_NOTHING,)))
        if leaked:
            size, calls, is_way = leaked.groups()
            head, way = (_bytes(size), int(calls)), []
            if not is_way:
                place = way
        elif ends:
            head = None
        elif head and not _REST.match(line):
            way.append(line)
    return sites


def _frames(lines: List[str]) -> Tuple[Frame, ...]:
    """A function, then where it stands and in which object; an inlined one is in the object of the one before."""
    frames: List[Frame] = []
    for line in lines:
        at, inside = _AT.match(line), _IN.match(line)
        if at and frames:
            frames[-1] = _with(frames[-1], file=at.group(1) or None, line=int(at.group(2)) or None)
        elif inside and frames:
            found = inside.group(1)
            frames[-1] = _with(frames[-1], object=None if found == _UNKNOWN else found)
        else:
            frames.append(_frame(line.strip(), frames[-1].object if frames else None))
    return tuple(frame for frame in frames if frame != _NOTHING)


def _frame(name: str, last: Optional[str]) -> Frame:
    address = _ADDRESS.match(name)
    if address:
        return Frame(None, object=last, address=int(address.group(1), 16))
    return Frame(None if name in ("", _UNKNOWN) else name, object=last)


def _with(frame: Frame, file: Optional[str] = None, line: Optional[int] = None, object: Optional[str] = None) -> Frame:
    return Frame(frame.function, file or frame.file, line or frame.line, object or frame.object, frame.address)


def _bytes(size: str) -> int:
    found = re.match(f"{_SIZE}$", size)
    if not found:
        raise LifeboatError(f"heaptrack_print: found the size {size[:80]!r}, expected one such as 16.45K or 16.45KB")
    return round(float(found.group(1)) * _UNITS[found.group(2)[0]])
