# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a profiler wrote to a profile, with the tool's own programs, within the limits of the request."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import List, NamedTuple, Optional

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, LifeboatError, Missing
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.heaptrack import parse_heaptrack
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.massif import parse_massif
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.memcheck import parse_memcheck
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.request import HEAPTRACK, MEMCHECK, Request
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.sites import Profile
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.tools import Tool, program
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.watchdog import HOME, Place, must

# Heaptrack's trace up to a moment: the last line may be half of one, and the program trusts what it reads.
_INTERPRET = 'head -c "$1" | head -n -1 | "$2" > "$3"'
# Since 1.3 the length of the path stands before it.
_TRACED = re.compile("^x (?:[0-9a-f]+ )?(/.*)$", re.MULTILINE)
_KEPT = HOME + "/profiles"


class Watched(NamedTuple):
    """What was seen while it ran. I(output) is the profiler's file; sizes are those of heaptrack's trace at the end
    of the warm-up and of the run. I(program) is what the main process ran, I(maps) its mappings, I(stopped_by) the
    limit that ended the run.
    """

    output: str
    warm_bytes: int
    end_bytes: int
    program: Optional[str]
    maps: str
    stopped_by: Optional[str]
    seconds: float


def analyse(host: Host, wanted: Request, tool: Tool, place: Place, seen: Watched) -> Profile:
    """Raises LifeboatError where there is no output, or none that can be read."""
    if tool.name == HEAPTRACK:
        return _heaptrack(host, wanted, tool, place, seen)
    try:
        text = host.read_foreign(seen.output)
    except Missing as error:
        raise LifeboatError(
            f"valgrind has left nothing for the main process of {wanted.subject}: it was killed before it could "
            "report. Stopping takes longer with valgrind: raise TimeoutStopSec of the unit, or use heaptrack"
        ) from error
    if tool.name == MEMCHECK:
        return parse_memcheck(text)
    return parse_massif(text, seen.maps)


def _heaptrack(host: Host, wanted: Request, tool: Tool, place: Place, seen: Watched) -> Profile:
    if not seen.end_bytes:
        raise LifeboatError(
            f"heaptrack has seen nothing in {wanted.subject}: either it allocated nothing in {seen.seconds:.0f} s, or "
            "its first program is a script that starts another one (then use valgrind_memcheck), or the file may not "
            "be written from its sandbox"
        )
    _check_program(host, wanted, seen)
    interpreter = f"{tool.library}/libexec/heaptrack_interpret"
    printer = program(host, "heaptrack_print", "heaptrack")
    full, warm = place.folder + "/full", place.folder + "/warm"
    for size, path in ((seen.end_bytes, full), (seen.warm_bytes, warm)):
        if size:
            words = ["sh", "-c", _INTERPRET, "sh", str(size), interpreter, host.real(path)]
            _limited(host, wanted, words, "heaptrack's trace cannot be read", seen.output)
    show = ["--print-peaks=0", "--print-allocators=0", "--print-temporary=0"]
    total = parse_heaptrack(_print(host, wanted, [printer, *show, "--print-leaks=0", "--file", host.real(full)]))
    since = ["--diff", host.real(warm)] if seen.warm_bytes else []
    leaks = ["--print-leaks=1", "--peak-limit=50", "--sub-peak-limit=20"]
    grown = parse_heaptrack(_print(host, wanted, [printer, *show, *leaks, "--file", host.real(full), *since]))
    return replace(grown, peak_bytes=total.peak_bytes)


def _check_program(host: Host, wanted: Request, seen: Watched) -> None:
    """Heaptrack follows the first program alone: of a script that starts another one it has seen only the shell."""
    traced = _TRACED.search(host.run(["head", "-c", "8192"], stdin=seen.output).stdout)
    if traced and seen.program and traced.group(1) != seen.program:
        raise LifeboatError(
            f"heaptrack has followed {traced.group(1)}, but {wanted.subject} runs {seen.program}, which that has "
            "started; use valgrind_memcheck, which follows it"
        )


def _print(host: Host, wanted: Request, words: List[str]) -> str:
    return _limited(host, wanted, words, "heaptrack_print cannot tell the leaks")


def _limited(host: Host, wanted: Request, words: List[str], what: str, stdin: Optional[str] = None) -> str:
    """Run in a control group of its own, with no more memory than asked for."""
    limit = f"--property=MemoryMax={wanted.max_memory_bytes}"
    # Ends all that sh has started; we would end sh alone.
    words = ["timeout", "-k", "5", str(wanted.timeout), *words]
    argv = ["systemd-run", "--scope", "--quiet", "--collect", limit, "--", *words]
    try:
        return must(host, argv, wanted.timeout + 10, what, stdin)
    except HostError as error:
        size = (wanted.max_memory_bytes or 0) >> 20
        raise LifeboatError(f"{error}; it may take {size} MiB and {wanted.timeout} s (max_memory, timeout)") from error


def keep(host: Host, wanted: Request, tool: Tool, place: Place, seen: Watched) -> str:
    """Move what the tool's own viewer opens to where it stays, in place of an earlier one; its path."""
    suffix = {"heaptrack": "heaptrack.gz", MEMCHECK: "memcheck.xml.gz"}.get(tool.name, "massif.out.gz")
    source = place.folder + "/full" if tool.name == HEAPTRACK else seen.output
    path = f"{_KEPT}/{place.folder.rpartition('/')[2]}.{suffix}"
    host.make_folder(_KEPT, 0o700)
    words = ["sh", "-c", 'gzip > "$1"', "sh", host.real(path)]
    must(host, words, wanted.timeout, "the raw file cannot be kept", source)
    return path
