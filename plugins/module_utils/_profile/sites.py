# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a heap profiler has found, whichever it was: sites that hold memory, and who is to blame for each."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Dict, Iterable, List, Optional, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._profile.demangled import parse_name

# Kinds of a site. C(grown) was allocated after the warm-up and is still held (heaptrack); C(lost), C(indirect) and
# C(possible) have no pointer to them any more, C(reachable) has (memcheck); C(held) is all of it (massif).
GROWN, LOST, INDIRECT, POSSIBLE, REACHABLE, HELD = "grown", "lost", "indirect", "possible", "reachable", "held"
LEAKED = (GROWN, LOST, INDIRECT, POSSIBLE)

# They hand out memory for others, or collect what others put into them: never the one to blame.
_MACHINERY = re.compile(
    r"^(?:vgpreload_.*|libheaptrack.*|lib(?:c|m|rt|pthread|dl|stdc\+\+|gcc_s)(?:-[0-9.]+)?\.so.*|libc\+\+(?:abi)?\.so.*"
    r"|ld(?:64|-[0-9.]+|-linux.*|-musl.*|-uClibc.*)?\.so.*|libc\.musl.*|libuClibc.*|libstd-[0-9a-f]+\.so"
    r"|lib(?:jemalloc|tcmalloc|mimalloc|tbbmalloc|snmalloc|rpmalloc).*\.so.*)$"
)
_NAMESPACES = ("std", "__gnu_cxx", "__gnu_debug", "__gnu_parallel", "__cxxabiv1")
# As everything in Rust these tell no parameters: a namespace of C++ may have such a name too.
_CRATES = ("alloc", "core", "hashbrown")
# The debug information alone tells it. Massif tells no folder of a file, and no header of others has no suffix.
_LIBRARY_FILE = re.compile(
    r"(?:^|/)(?:include|gcc/[^/]+)/c\+\+/|/libstdc\+\+-v3/|/rustc[-/][^/]+/(?:library|src/lib)|/rust(?:lib/src|/deps)/"
    r"|^library/(?:alloc|core|std)/|^[a-z_]+$|^\w+\.tcc$"
    r"|^(?:stl_\w+|std_\w+|(?:new_)?allocator|alloc(?:ator|ated)?_(?:traits|ptr)|basic_string|(?:shared|unique)_ptr\w*"
    r"|ptr_traits|hashtable\w*|unordered_(?:map|set)|invoke|char_traits)\.h$"
)
_ALLOCATING = re.compile(r"operator ?(?:new|delete)\b")
_PROFILER = re.compile(r"(?:^|/)(?:vgpreload_|libheaptrack)[^/]*$")
# In a program that is linked statically the C library has no object of its own.
_WRAPPERS = re.compile(
    r"^(?:(?:_{0,3}(?:GI|libc|interceptor)_){0,2}_{0,2}"
    r"(?:(?:je_|mi_|tc_|rp|dl)?(?:malloc|calloc|realloc|(?:posix_)?memalign|aligned_alloc)|p?valloc|reallocarray"
    r"|_?int_(?:malloc|realloc|memalign)|_?mid_memalign|malloc_hook_ini|tcache_init|(?:str|wcs)n?dup"
    r"|v?asprintf(?:_chk|_internal)?|getdelim|getline|open_w?memstream)"
    r"|x(?:malloc|calloc|realloc|strn?dup)|g_(?:try_)?(?:malloc|realloc)(?:0|_n|0_n)?|g_(?:strn?dup|memdup2?)"
    r"|g_slice_(?:alloc0?|copy)|CRYPTO_(?:zalloc|malloc|realloc|strdup)"
    r"|_Unwind_\w+|__cxa_\w+|__(?:gxx|gcc)_personality_\w+|__r(?:ust|dl|g|de)_\w+)$"
)


@dataclass(frozen=True)
class Frame:
    """A place in the code; C(None) for what the profiler could not tell. Without symbols there is no I(function)."""

    function: Optional[str]
    file: Optional[str] = None
    line: Optional[int] = None
    object: Optional[str] = None
    address: Optional[int] = None

    def __str__(self) -> str:
        where = f" at {self.file}:{self.line}" if self.file else f" in {self.object}" if self.object else ""
        return (self.function or "unknown function") + where

    @property
    def is_machinery(self) -> bool:
        """Whether it allocates on behalf of its caller: malloc and its likes, the C and the C++ library."""
        return bool(
            _MACHINERY.match((self.object or "").rpartition("/")[2])
            or _LIBRARY_FILE.search(self.file or "")
            or (self.function and _is_library(self.function))
        )


def _is_library(function: str) -> bool:
    name = parse_name(function)
    if not name.parts:
        return False
    first, last = name.parts[0], name.parts[-1]
    if len(name.parts) == 1 and _WRAPPERS.match(last):
        return True
    known = first in _NAMESPACES or (first in _CRATES and not name.parameters)
    return (known and len(name.parts) > 1) or bool(_ALLOCATING.match(last))


@dataclass(frozen=True)
class Site:
    """Memory that is still held, by the I(stack) that has allocated it, innermost frame first."""

    bytes: int
    calls: int
    kind: str
    stack: Tuple[Frame, ...]

    @property
    def blamed(self) -> Frame:
        """The innermost frame that is not machinery; where all are, the innermost that is not the profiler's own."""
        mine = next((frame for frame in self.stack if not _PROFILER.search(frame.object or "")), self.stack[0])
        return next((frame for frame in self.stack if not frame.is_machinery), mine)


@dataclass(frozen=True)
class Profile:
    """What one run has found. I(peak_bytes) is C(None) where the tool does not tell it, I(leaked_bytes) likewise.

    I(complete) is false where the output ends before its end.
    """

    peak_bytes: Optional[int]
    leaked_bytes: Optional[int]
    sites: Tuple[Site, ...]
    complete: bool = True


def by_blame(sites: Iterable[Site]) -> Tuple[Site, ...]:
    """Sites of one kind that blame the same place as one, with the stack of the largest; largest first."""
    found: Dict[Tuple[object, ...], List[Site]] = {}
    for site in sites:
        blamed = site.blamed
        found.setdefault((site.kind, blamed.function, blamed.file, blamed.line, blamed.object), []).append(site)
    merged = [
        replace(
            max(same, key=lambda site: site.bytes),
            bytes=sum(site.bytes for site in same),
            calls=sum(site.calls for site in same),
        )
        for same in found.values()
    ]
    return tuple(sorted(merged, key=lambda site: (-site.bytes, str(site.blamed))))
