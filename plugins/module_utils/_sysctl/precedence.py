# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which sysctl files are read at boot, in which order, and what is written in the end.

The answer depends on the program that loads them. tests/precedence compares it with the real programs on random
trees of files; C(files.py) names versions and sources.
"""

from __future__ import annotations

import fnmatch
import itertools
import posixpath
import re
from dataclasses import dataclass, replace
from typing import Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Pattern, Sequence, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import TooMuch
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.file_syntax import (
    MOST_LINES,
    Assignment,
    Loader,
    normalise,
    of_loader,
    parse,
    proc_path,
    simplified,
    swapped,
)

# What is looked at of one host, which is much more than real ones have.
MOST_FILES = 1000
MOST_CHARACTERS = 1024 * 1024
MOST_PATTERNS = 1000  # with all braces spelled out
LONGEST_PATTERN = 255

__all__ = [
    "SOURCES",
    "Loader",
    "Sources",
    "SysctlFile",
    "boot_writes",
    "read_order",
    "sources",
    "winner",
]


@dataclass(frozen=True)
class SysctlFile:
    """A file that sets sysctls.

    One without a text, like an empty one, masks the files of the same name in folders of lower priority.
    """

    path: str
    """Its path."""

    text: Optional[str]
    """Its text, with only the kind of each line that sets nothing of ours: it may hold a secret; null for a link
    to C(/dev/null) or to nothing.
    """


@dataclass(frozen=True)
class Sources:
    """Where a loader looks: the first of I(folders) to have a name hides it in the others; then I(last)."""

    folders: Tuple[str, ...]
    last: str


_FOLDERS = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d")
_RUN_FIRST = ("/run/sysctl.d", "/etc/sysctl.d") + _FOLDERS[2:]
_SYSCTL_CONF = "/etc/sysctl.conf"
_BRACES = re.compile(r"\{([^{}]*)\}")
_STARS = re.compile(r"\*+")

# systemd: sysctl.d(5); /lib only where /usr is split (no longer from 255), elsewhere it is /usr/lib itself.
# Its last file is the credential of systemd-sysctl.service(8), from 252. Red Hat's 219 alone reads /etc/sysctl.conf.
# procps: sysctl(8), --system. BusyBox: sysctl -p.
_SYSTEMD = Sources(_FOLDERS, "/run/credentials/systemd-sysctl.service/sysctl.extra")
SOURCES: Mapping[str, Sources] = {
    "systemd": _SYSTEMD,
    "systemd-244": _SYSTEMD,
    "systemd-243": _SYSTEMD,
    "systemd-219": Sources(_FOLDERS, _SYSCTL_CONF),
    "procps": Sources(_FOLDERS, _SYSCTL_CONF),
    "procps3": Sources(_FOLDERS, _SYSCTL_CONF),
    "procps3-run-first": Sources(_RUN_FIRST, _SYSCTL_CONF),
    "busybox": Sources((), _SYSCTL_CONF),
}


def sources(loader: Loader) -> Sources:
    """Where I(loader) looks. Raises Unsupported for one that is not known."""
    return of_loader(SOURCES, loader)


def read_order(paths: Iterable[str], loader: Loader) -> Tuple[str, ...]:
    """Those of I(paths) that I(loader) opens, in its order: by name over all folders, then the last file.

    Masks are in it, for they take the place of what they hide.
    """
    found = tuple(paths)
    where = sources(loader)
    by_name: Dict[str, str] = {}
    for folder in where.folders:
        for path in found:
            head, _unused, name = path.rpartition("/")
            if head == folder and _is_read(name, loader):
                by_name.setdefault(name, path)
    in_order = tuple(by_name[name] for name in sorted(by_name, key=_as_bytes))
    return in_order + ((where.last,) if where.last in found else ())


def _refuses_none(write: Assignment) -> bool:
    return False


def boot_writes(
    files: Iterable[SysctlFile],
    loader: Loader,
    existing_keys: Sequence[str],
    refuses: Callable[[Assignment], bool] = _refuses_none,
) -> Tuple[Assignment, ...]:
    """The writes that take effect, in the order in which I(loader) makes them, each with the key it reaches.

    I(existing_keys) are dotted: all sysctls of the host, or those that the caller cares about; writes to
    others are left out. systemd expands a pattern in the order of I(existing_keys) (C(/proc/sys) lists each
    folder by name), procps sorted by path. I(refuses) says whether the kernel turns a write down; such a write
    is left out, and with BusyBox everything after it, for it stops there. Raises Unsupported for an unknown
    loader, TooMuch where there is more than somebody writes.

    systemd 252 skips a write of the value that is there already (247 does not). That matters where a write has
    an effect on another key: C(vm.overcommit_kbytes = 0) zeroes the ratio, but not where it is skipped.
    """
    texts = {found.path: found.text for found in files}
    TooMuch.check("sysctl files: characters", sum(len(text or "") for text in texts.values()), MOST_CHARACTERS)
    parsed = [parse(texts[path] or "", path, loader) for path in read_order(texts, loader)]
    lines = [line for found in parsed for line in found.assignments]
    TooMuch.check("sysctl files: lines that set something", len(lines), MOST_LINES)
    tried = _PLANS[loader](lines, existing_keys)
    if loader == "busybox":
        return tuple(itertools.takewhile(lambda write: not refuses(write), tried))
    return tuple(itertools.filterfalse(refuses, tried))


def winner(writes: Sequence[Assignment], key: str) -> Optional[Assignment]:
    """The last write to I(key), however it is spelled; C(None) where no file sets it."""
    wanted = simplified(normalise(key))
    return next((write for write in reversed(writes) if write.key == wanted), None)


def _is_read(name: str, loader: Loader) -> bool:
    return name.endswith(".conf") and not (loader.startswith("systemd") and name.startswith("."))


def _as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _once(lines: Sequence[Assignment]) -> Dict[str, Assignment]:
    """Each key once. Setting it to another value moves it to the end, the same value leaves it in its place."""
    kept: Dict[str, Assignment] = {}
    for line in lines:
        old = kept.get(line.key)
        if old is not None and (old.value, old.excludes) == (line.value, line.excludes):
            line = replace(line, ignore_failure=old.ignore_failure or line.ignore_failure)
        else:
            kept.pop(line.key, None)
        kept[line.key] = line
    return kept


def _old_systemd_writes(lines: Sequence[Assignment], existing: Sequence[str]) -> Iterator[Assignment]:
    """No patterns."""
    for line in _once(lines).values():
        yield from _reaching(line, line.key, existing)


def _systemd_writes(lines: Sequence[Assignment], existing: Sequence[str]) -> Iterator[Assignment]:
    """Excluding the very same key or pattern takes earlier lines back. A pattern skips all keys named anywhere."""
    kept = _once(lines)
    _check_patterns(kept.values())
    spelled = 0
    for line in kept.values():
        if line.excludes:
            continue
        if not line.is_glob:
            yield from _reaching(line, line.key, existing)
            continue
        for pattern in without_braces(line.key):
            spelled += 1
            TooMuch.check(f"{line.path}:{line.line}: names that patterns stand for", spelled, MOST_PATTERNS)
            for key in _matching(pattern, existing):
                if key not in kept:
                    yield replace(line, key=key)


def _procps_writes(lines: Sequence[Assignment], existing: Sequence[str]) -> Iterator[Assignment]:
    """Every line in its place; a pattern skips every key that is named anywhere, set or excluded."""
    named = {line.key for line in lines}
    _check_patterns(lines)
    for line in lines:
        if line.excludes:
            continue
        if not line.is_glob:
            yield from _reaching(line, _walked(line.key), existing)
            continue
        for key in sorted(_matching(line.key, existing), key=lambda key: _as_bytes(swapped(key))):
            if key not in named:
                yield replace(line, key=key)


def _plain_writes(lines: Sequence[Assignment], existing: Sequence[str]) -> Iterator[Assignment]:
    """Every line in its place, no patterns: procps 3."""
    for line in lines:
        yield from _reaching(line, _walked(line.key), existing)


def _busybox_writes(lines: Sequence[Assignment], existing: Sequence[str]) -> Iterator[Assignment]:
    """As before; a name with dots alone also finds a path that has some of these dots in its names."""
    dotted = {key.replace("/", "."): key for key in existing}
    for line in lines:
        key = "" if line.key.startswith(".") else _walked(line.key)
        yield from _reaching(line, key if key in existing else dotted.get(line.key, ""), existing)


def _check_patterns(lines: Iterable[Assignment]) -> None:
    patterns = [line for line in lines if line.is_glob and not line.excludes]
    TooMuch.check("sysctl files: patterns", len(patterns), MOST_PATTERNS)
    for line in patterns:
        TooMuch.check(f"{line.path}:{line.line}: characters of a pattern", len(line.key), LONGEST_PATTERN)


def _reaching(line: Assignment, key: str, existing: Sequence[str]) -> Iterator[Assignment]:
    if key in existing:
        yield replace(line, key=key)


def _walked(key: str) -> str:
    """The key that the kernel finds on the path of I(key); empty where that is none below C(/proc/sys)."""
    path = proc_path(key)
    walked = posixpath.normpath(path)
    if path.endswith("/") or not walked.startswith("/proc/sys/"):
        return ""
    return swapped(walked[len("/proc/sys/") :])


def _matching(pattern: str, existing: Sequence[str]) -> List[str]:
    """The keys that match, name by name as in glob(3): no wildcard stands for a separator."""
    names = [name for name in swapped(pattern).split("/") if name]
    found = [(key, swapped(key).split("/")) for key in existing]
    found = [(key, parts) for key, parts in found if len(parts) == len(names)]
    for place, name in enumerate(names if found else ()):
        wildcards = _wildcards(name)
        found = [(key, parts) for key, parts in found if wildcards.match(parts[place])]
    return [key for key, _parts in found]


def _wildcards(name: str) -> Pattern[str]:
    try:
        return re.compile(fnmatch.translate(_STARS.sub("*", name.replace("[^", "[!"))))
    except re.error:  # a range that runs backwards, up to Python 3.8
        return re.compile("(?!)")


def without_braces(pattern: str) -> Iterator[str]:
    """C({a,b}) spelled out, one at a time; only systemd asks glob(3) for these."""
    todo = [pattern]
    while todo:
        one = todo.pop()
        braces = _BRACES.search(one)
        if braces is None:
            yield one
            continue
        ends = one[: braces.start()], one[braces.end() :]
        todo += [choice.join(ends) for choice in reversed(braces.group(1).split(","))]


_PLANS: Dict[str, Callable[[Sequence[Assignment], Sequence[str]], Iterator[Assignment]]] = {
    "systemd": _systemd_writes,
    "systemd-244": _old_systemd_writes,
    "systemd-243": _old_systemd_writes,
    "systemd-219": _old_systemd_writes,
    "procps": _procps_writes,
    "procps3": _plain_writes,
    "procps3-run-first": _plain_writes,
    "busybox": _busybox_writes,
}
