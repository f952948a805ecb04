# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What C(valgrind --tool=memcheck --xml=yes) writes, taken apart (docs/internals/xml-output-protocol4.txt)."""

from __future__ import annotations

import re
from typing import Optional, Tuple
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
# What no XML 1.0 can hold: a name in the code may.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def parse_memcheck(text: str) -> Profile:
    """The leaks that memcheck found at the end of the process; it tells no peak.

    What was cut off is not an error: whole records count, and I(complete) is false. Raises LifeboatError where this
    is not the output of memcheck.
    """
    if "<valgrindoutput>" not in text[:4000]:
        raise LifeboatError(f"valgrind: found {text[:80]!r}, expected the XML of memcheck")
    sites = tuple(site for site in (_site(chunk) for chunk in _chunks(text)) if site)
    return Profile(
        peak_bytes=None,
        leaked_bytes=sum(site.bytes for site in sites if site.kind in LEAKED),
        sites=sites,
        complete="</valgrindoutput>" in text[-200:],
    )


def _chunks(text: str) -> Tuple[str, ...]:
    pieces = text.split(_BEGIN)[1:]
    return tuple(_BEGIN + piece.partition(_END)[0] + _END for piece in pieces if _END in piece)


def _site(chunk: str) -> Optional[Site]:
    if "<!" in chunk:
        return None
    try:
        error = ElementTree.fromstring(_NO_XML.sub("?", chunk))  # noqa: S314
    except ElementTree.ParseError:
        return None
    kind = _KINDS.get(error.findtext("kind", ""))
    size, blocks = (_number(error.findtext("xwhat/" + name)) for name in ("leakedbytes", "leakedblocks"))
    stack = error.find("stack")
    if kind is None or size is None or stack is None or not len(stack):
        return None
    return Site(size, blocks or 1, kind, tuple(_frame(frame) for frame in stack))


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
