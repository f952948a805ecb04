# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What C(valgrind --tool=memcheck --xml=yes) writes, taken apart (docs/internals/xml-output-protocol4.txt)."""

from __future__ import annotations

import re
from typing import List, Optional, Tuple
from xml.etree import ElementTree  # nosec: only elements without a document type are read

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.sites import (
    INDIRECT,
    LEAKED,
    LOST,
    POSSIBLE,
    REACHABLE,
    Frame,
    Profile,
    Site,
)

_KINDS = {
    "Leak_DefinitelyLost": LOST,
    "Leak_IndirectlyLost": INDIRECT,
    "Leak_PossiblyLost": POSSIBLE,
    "Leak_StillReachable": REACHABLE,
}
_BEGIN, _END = "<error>", "</error>"
# What stands before it are looks of the program itself, by valgrind's client requests.
_AT_THE_END = "<state>FINISHED</state>"
# Of --gen-suppressions, which repeats all names as they are.
_SUPPRESSION = re.compile(r"<!\[CDATA\[.*?\]\]>", re.DOTALL)
# "1,527 (120 direct, 1,407 indirect) bytes in 1 blocks are definitely lost"; with changes "(120 (+20) direct, ...".
_DIRECT = re.compile(r"\(([0-9,]+)(?: \([+-][0-9,]+\))? direct, ")
_SHOWN = re.compile(r"<arg>--show-(?:leak-kinds=([a-z,]+)|reachable=yes)</arg>")
# What no XML 1.0 can hold: a name in the code may.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class _Unreadable(Exception):
    """A record is not as valgrind writes one."""


def parse_memcheck(text: str) -> Profile:
    """The leaks that memcheck found at the end of the process; it tells no peak.

    Sums are those of its own summary: what is lost with the block that leads to it counts once, as C(indirect) where
    that is shown, else with that block. What was cut off or cannot be read is not an error: the other records count,
    and I(complete) is false. Raises LifeboatError where this is not the output of memcheck.
    """
    if "<valgrindoutput>" not in text[:4000]:
        raise LifeboatError(f"valgrind: found {text[:80]!r}, expected the XML of memcheck")
    told = _SUPPRESSION.sub("", text).rpartition(_AT_THE_END)[2]
    sites, readable = _sites(told, text.partition("</vargv>")[0])
    return Profile(
        peak_bytes=None,
        leaked_bytes=sum(site.bytes for site in sites if site.kind in LEAKED),
        sites=tuple(sites),
        complete=readable and "</valgrindoutput>" in text[-200:],
    )


def _sites(told: str, options: str) -> Tuple[List[Site], bool]:
    """The leaks, and whether all that is told could be read."""
    apart = "<kind>Leak_IndirectlyLost</kind>" in told or _shows_indirect(options)
    sites: List[Site] = []
    readable = True
    for chunk in told.split(_BEGIN)[1:]:
        try:
            error = _parsed(chunk)
            if (error.findtext("kind") or "").startswith("Leak_"):
                sites.append(_site(error, apart))
        except _Unreadable:
            readable = False
    return sites, readable


def _shows_indirect(options: str) -> bool:
    shown = list(_SHOWN.finditer(options))  # the last one counts
    kinds = (shown[-1].group(1) or "all").split(",") if shown else ()
    return "all" in kinds or "indirect" in kinds


def _parsed(chunk: str) -> ElementTree.Element:
    record, end, _rest = chunk.partition(_END)
    if not end or "<!" in record:
        raise _Unreadable
    try:
        return ElementTree.fromstring(_BEGIN + _NO_XML.sub("?", record) + _END)  # noqa: S314
    except ElementTree.ParseError as error:
        raise _Unreadable from error


def _site(error: ElementTree.Element, apart: bool) -> Site:
    """I(apart): what is lost with the block has a record of its own."""
    kind = _KINDS.get(error.findtext("kind") or "")
    size, blocks = (_number(error.findtext("xwhat/" + name)) for name in ("leakedbytes", "leakedblocks"))
    stack = error.find("stack")
    if kind is None or size is None or stack is None or not len(stack):
        raise _Unreadable
    direct = _DIRECT.search(error.findtext("xwhat/text") or "") if apart else None
    own = int(direct.group(1).replace(",", "")) if direct else size
    return Site(own, blocks or 1, kind, tuple(_frame(frame) for frame in stack))


def _frame(frame: ElementTree.Element) -> Frame:
    folder, file = frame.findtext("dir"), frame.findtext("file")
    return Frame(
        function=frame.findtext("fn"),
        file=f"{folder}/{file}" if folder and file else file,
        line=_number(frame.findtext("line")),
        object=frame.findtext("obj"),
        address=_number(frame.findtext("ip")),
    )


def _number(text: Optional[str]) -> Optional[int]:
    try:
        return int(text or "", 0)
    except ValueError:
        return None
