# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which drop-ins apply to a unit, in which order, and which assignment of a setting wins.

Text in, dataclasses out. Sources: systemd.unit(5) and systemd.syntax(7); src/shared/dropin.c, src/basic/conf-files.c
and src/shared/conf-parser.c of 219 to 257, and of Red Hat's 219 and 239.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from posixpath import basename, dirname, join
from typing import Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import InvalidPolicy, TooMuch
from ansible_collections.lifeboat.oom.plugins.module_utils._kept_lines import (
    HIDDEN,
    goes_on,
    kept_lines,
    line_pattern,
    setting_pattern,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd import names as unit_names
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.settings import KEYS, WORDS

# Where the system manager looks, most important first (C(systemctl show -p UnitPath), 252). Where C(/lib) is
# a link to C(/usr/lib), the two C(lib) entries are one folder: the reader of the disk skips the link.
SEARCH_PATH: Tuple[str, ...] = (
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system.attached",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/run/systemd/generator.late",
)

_ROOTS = {root: place for place, root in enumerate(SEARCH_PATH)}

OWN_NAME = "zz-lifeboat-oom.conf"

_PREFIX_DIRS_SINCE = 239  # C(foo-.service.d) for C(foo-bar.service)
_TYPE_DIRS_SINCE = 244  # C(service.d)
_TYPE_DIRS_BROUGHT_BACK = 239  # Red Hat Enterprise Linux 8
_UTF8_CHECKED_SINCE = 239
_LAST_CONTINUED_LINE_COUNTS_SINCE = 239
_CARRIAGE_RETURNS_END_LINES_SINCE = 240
_COMMENTS_ARE_NO_PART_SINCE = 243  # of the lines that a backslash joins
_MISSING_EQUALS_IGNORED_SINCE = 243
_INCLUDES_UNTIL = 245
_INCLUDES_IN_INCLUDED_SINCE = 236
_HEADERS_CHECKED_SINCE = 251
_NEWEST = 9999

_INCLUDE = ".include"
MOST_INCLUDES = 10
_LONGEST_LINE_BYTES = 1024 * 1024
_WHITESPACE = " \t\n\r"
_BOM = "\ufeff"
_END_OF_LINE = re.compile("(?:\n\r|\r\n|\n|\r)\0?|\0")
_COMMENT_MARKS = ("#", ";")
_OLD_END_OF_LINE = re.compile("[\n\0]")
_NOT_UTF8 = re.compile("[\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")  # surrogates stand for undecodable bytes
_UNSAFE_IN_HEADER = re.compile("[\x01-\x1f\x7f\"'\\\\]")
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9]*")
# What stands for a line that is not UTF-8: JSON can hold it, and systemd refuses it as well.
_NO_UTF8 = "\uffff"
_PLAIN_HEADER = re.compile(r"[ \t]*\[({})\][ \t]*".format("|".join(unit_names.SECTIONS)))
_MANAGED = re.compile(r"([ \t]*({})[ \t]*=)(.*)".format("|".join(KEYS)), re.DOTALL)

# What our own drop-ins say about themselves.
HEADER = (
    "Managed by the Ansible collection lifeboat.oom: changes to this file are overwritten.\n"
    "Declare the service in the inventory (oom_protect_services) instead."
)
# Says that the folder was made for this file, and may go with it.
OUR_FOLDER = "The folder was made for this file."
_OWN_LINES = tuple("# " + line for line in (HEADER + "\n" + OUR_FOLDER).split("\n"))
# Extended regular expressions for the lines that C(kept()) shows whole.
KEPT_PATTERNS = (
    setting_pattern(KEYS, WORDS),
    "\\[({})\\][^!-~]*$".format("|".join(unit_names.SECTIONS)),
    "\\.include[[:blank:]].*",
    *map(line_pattern, _OWN_LINES),
)


@dataclass(frozen=True)
class DropIn:
    """A unit file or drop-in as found on disk."""

    path: str
    """Its path."""

    text: Optional[str]
    """Its text, with only the kind of each line that sets nothing of ours: it may hold a password; null where the
    name is taken but nothing can be read there: a link to C(/dev/null) (a mask), a dangling link, a folder.
    """


@dataclass(frozen=True)
class Assignment:
    """I(key)C(=)I(value) at I(line) (counted from 1, the first one of a continued line) of I(path)."""

    path: str
    line: int
    key: str
    value: str


@dataclass(frozen=True)
class Merged:
    """What systemd makes of a unit file and its drop-ins.

    I(applied) in the order in which they are read, masks included (what C(DropInPaths) shows); I(winners) the
    last accepted assignment of each key, where a value of C("") forgets what was set before (the score is
    then the manager's own, not C(DefaultOOMScoreAdjust)); I(refused) the assignments of known keys whose
    value systemd ignores.
    """

    applied: Tuple[DropIn, ...]
    winners: Mapping[str, Assignment]
    refused: Tuple[Assignment, ...]


def dropin_dirs(unit: str, names: Iterable[str] = (), version: Optional[int] = None) -> Tuple[str, ...]:
    """Names of the drop-in folders that apply to I(unit) (its C(Id)) with I(names) (its C(Names)).

    I(version) is that of systemd, C(None) a current one: older ones know fewer folders.
    C(app-web@one.service) has C(app-web@one.service.d), C(app-web@.service.d), C(app-.service.d),
    C(app-@one.service.d), C(app-@.service.d) and C(service.d).
    """
    return tuple(_ranks(unit, names, version))


def dropin_folders(unit: str, names: Iterable[str] = (), version: Optional[int] = None) -> Tuple[str, ...]:
    """Full paths of those folders. Of files with equal names only the one in the first folder counts.

    The name of the unit comes first, then its aliases in the order of C(Names), then C(service.d); for each
    of them the search path decides, and within one entry of it the more specific folder.
    """
    ranks = _ranks(unit, names, version)
    found = [(_rank(root, ranks[folder]), root + "/" + folder) for folder in ranks for root in SEARCH_PATH]
    return tuple(folder for _unused, folder in sorted(found))


def applied(
    dropins: Iterable[DropIn], unit: str, names: Iterable[str] = (), version: Optional[int] = None
) -> Tuple[DropIn, ...]:
    """Those of I(dropins) that systemd reads for I(unit), in its order: by file name over all folders."""
    ranks = _ranks(unit, names, version)
    found: List[Tuple[Tuple[int, int, int], DropIn]] = []
    for dropin in dropins:
        root, _unused, folder = dirname(dropin.path).rpartition("/")
        if root in _ROOTS and folder in ranks and _is_conf(basename(dropin.path)):
            found.append((_rank(root, ranks[folder]), dropin))
    chosen: Dict[str, DropIn] = {}
    for _rank_of, dropin in sorted(found, key=lambda ranked: ranked[0]):
        chosen.setdefault(basename(dropin.path), dropin)
    return tuple(chosen[name] for name in sorted(chosen, key=lambda name: name.encode("utf-8", "surrogateescape")))


def merge(
    fragment: Optional[DropIn],
    dropins: Iterable[DropIn],
    unit: str,
    names: Iterable[str] = (),
    version: Optional[int] = None,
    included: Iterable[DropIn] = (),
) -> Merged:
    """Read the unit file and then its drop-ins as systemd does; see C(Merged).

    I(fragment) is C(FragmentPath) with its text, C(None) where the unit has no file; I(included) are the files that
    it includes. A masked unit has no settings at all: look at C(LoadState) first.
    """
    section = unit_names.split(unit).section
    files = applied(dropins, unit, names, version)
    lines = list(_with_included(fragment, {each.path: each for each in included}, section, version)) if fragment else []
    for source in files:
        lines += [line for line in _assignments(source, section, version) if line.key != _INCLUDE]
    winners: Dict[str, Assignment] = {}
    refused: List[Assignment] = []
    for line in lines:
        if line.key in KEYS and not KEYS[line.key].taken_by(version or _NEWEST, line.value):
            refused.append(line)
        else:
            winners[line.key] = line
    return Merged(files, winners, tuple(refused))


def includes(source: DropIn, version: int) -> Tuple[str, ...]:
    """The files that a unit file includes by itself: systemd up to 245 does that with C(.include FILE)."""
    if _INCLUDE not in (source.text or ""):
        return ()
    return tuple(line.value for line in _assignments(source, "", version) if line.key == _INCLUDE)


def _assignments(source: DropIn, section: str, version: Optional[int]) -> Iterator[Assignment]:
    for line, key, value in read_section(source.text or "", section, version):
        # A file is looked for beside the one that includes it.
        yield Assignment(source.path, line, key, join(dirname(source.path), value) if key == _INCLUDE else value)


def _with_included(
    source: DropIn, included: Mapping[str, DropIn], section: str, version: Optional[int]
) -> Iterator[Assignment]:
    """The assignments of a file, those of files that it includes in their place. One within itself is left out."""
    todo = [(source, _assignments(source, section, version))]
    seen = 0
    while todo:
        line = next(todo[-1][1], None)
        if line is None:
            todo.pop()
        elif line.key != _INCLUDE:
            yield line
        elif len(todo) > 1 and (version or _NEWEST) < _INCLUDES_IN_INCLUDED_SINCE:
            continue
        elif line.value in included and line.value not in [each.path for each, _lines in todo]:
            seen += 1
            TooMuch.check(f"{source.path}: files that it includes", seen, MOST_INCLUDES)
            todo.append((included[line.value], _assignments(included[line.value], section, version)))


def read_section(text: str, section: str = "Service", version: Optional[int] = None) -> Iterator[Tuple[int, str, str]]:
    """Line, key and value of each assignment in I(section), as systemd reads them.

    I(version) is that of systemd, C(None) a current one. One that includes other files has C(.include) for a key.
    Reading stops, as in systemd, at a malformed section header and at a line that is not UTF-8, in older ones also
    at one that is no assignment.
    """
    since = version or _NEWEST
    current = ""
    for number, raw in _logical_lines(text, since):
        line = raw.strip(_WHITESPACE)
        if not line or line[0] in _COMMENT_MARKS:
            continue
        if since <= _INCLUDES_UNTIL and line.startswith(_INCLUDE) and line[len(_INCLUDE) :][:1] in (" ", "\t"):
            yield number, _INCLUDE, line[len(_INCLUDE) :].strip(_WHITESPACE)
            continue
        if since >= _UTF8_CHECKED_SINCE and _NOT_UTF8.search(line):
            return
        if line.startswith("["):
            if not _is_header(line, since):
                return
            current = line[1:-1]
            continue
        key, equals, value = line.partition("=")
        if current == section and equals and key:
            yield number, key.rstrip(_WHITESPACE), value.strip(_WHITESPACE)
        if not equals and since < _MISSING_EQUALS_IGNORED_SINCE and current in ("Unit", "Install", section):
            return


def _is_header(line: str, version: int) -> bool:
    closed = line != "[" and line.endswith("]")
    return closed and (version < _HEADERS_CHECKED_SINCE or not _UNSAFE_IN_HEADER.search(line))


def kept(text: str, version: Optional[int] = None) -> str:
    """What C(read_section()) needs of a text to find our settings, and what makes a drop-in ours; the rest hidden."""
    return kept_lines(text, partial(_kept, version=version or _NEWEST))


def _kept(line: str, version: int) -> Optional[str]:
    bare = line.lstrip(_BOM).strip(_WHITESPACE)
    if line in _OWN_LINES or bare[:1] in _COMMENT_MARKS:
        return line if line in _OWN_LINES else None
    if version >= _UTF8_CHECKED_SINCE and _NOT_UTF8.search(bare):
        return _NO_UTF8 + "\\" * goes_on(line)
    if bare.startswith("[") and not _is_header(bare, version):
        return "[" + "\\" * goes_on(line)
    managed = _MANAGED.fullmatch(line.lstrip(_BOM))
    if managed:
        start, key, rest = managed.groups()
        value = rest.rstrip("\\")
        return line if KEYS[key].accepts(value.strip(_WHITESPACE)) else start + HIDDEN + rest[len(value) :]
    plain = _PLAIN_HEADER.fullmatch(line.lstrip(_BOM)) or bare.partition(" ")[0].partition("\t")[0] == _INCLUDE
    return line if plain else None


def render(settings: Mapping[str, object], header: str, section: str = "Service") -> str:
    """Text of our own drop-in: I(header) as comment lines, then the settings sorted by key.

    Raises InvalidPolicy for a key or value that would not be read back as it is.
    """
    lines = [("# " + line).rstrip() for line in _END_OF_LINE.split(header)]
    lines.append(f"[{section}]")
    for key in sorted(settings):
        value = str(settings[key])
        line = f"{key}={value}"
        if not _KEY.fullmatch(key) or list(read_section("[s]\n" + line, "s")) != [(2, key, value)]:
            raise InvalidPolicy(
                f"setting {line!r}: a unit file cannot hold it; expected a key of letters and digits, and a "
                "value on one line, without spaces around it and without a backslash at its end"
            )
        lines.append(line)
    return "\n".join(lines) + "\n"


def parse(text: str, section: str = "Service") -> Dict[str, str]:
    """The settings in our own drop-in: the last value of each key."""
    return {key: value for _line, key, value in read_section(text, section)}


def own_path(unit: str) -> str:
    """Where our drop-in for I(unit) belongs, a declared name or an C(Id). Raises InvalidPolicy for a path."""
    if "/" in unit or "\0" in unit:
        raise InvalidPolicy(f"unit name {unit!r}: found a path, expected a name such as 'nginx.service'; name the unit")
    return f"/etc/systemd/system/{unit_names.split(unit)}.d/{OWN_NAME}"


def _is_conf(name: str) -> bool:
    return name.endswith(".conf") and not name.startswith(".")


# Of a folder: the name of the unit that it goes with, and how specific it is.
_Rank = Tuple[int, int]


def _ranks(unit: str, names: Iterable[str], version: Optional[int]) -> Dict[str, _Rank]:
    """The folders of each name of the unit, and those of its type, in order."""
    parsed = unit_names.split(unit)
    since = version or _NEWEST
    found: Dict[str, _Rank] = {}
    every = tuple(dict.fromkeys([str(parsed), *names]))
    for group, name in enumerate(every):
        for place, one in enumerate(_generalised(unit_names.split(name), since >= _PREFIX_DIRS_SINCE)):
            found.setdefault(one + ".d", (group, place))
    if since >= _TYPE_DIRS_SINCE or since == _TYPE_DIRS_BROUGHT_BACK:
        found.setdefault(parsed.type + ".d", (len(every), 0))
    return found


def _rank(root: str, rank: _Rank) -> Tuple[int, int, int]:
    return rank[0], _ROOTS[root], rank[1]


def _generalised(unit: unit_names.UnitName, prefixes: bool) -> List[str]:
    """The unit's name, and the more general names that share its drop-ins (unit_file_find_dirs()).

    The way over the template loses the "@": it leads to app-.service, not to app-@.service.
    """
    shorter = _shorter(unit.prefix) if prefixes else []
    if not unit.is_instance:
        return [str(unit), *(str(unit_names.UnitName(each, unit.instance or None, unit.type)) for each in shorter)]
    found = [str(unit), str(unit_names.UnitName(unit.prefix, "", unit.type))]
    found += [str(unit_names.UnitName(each, None, unit.type)) for each in shorter]
    for each in shorter:
        found += [
            str(unit_names.UnitName(each, unit.instance, unit.type)),
            str(unit_names.UnitName(each, "", unit.type)),
        ]
    return found


def _shorter(prefix: str) -> List[str]:
    """The prefix up to each of its dashes but a last character: a-b-c gives a-b- and a-, a- gives nothing."""
    dashes = [place for place in range(1, len(prefix) - 1) if prefix[place] == "-"]
    return [prefix[: place + 1] for place in reversed(dashes)]


def _logical_lines(text: str, version: int) -> Iterator[Tuple[int, str]]:
    """Lines with their number, continuations joined; comments are dropped, also within a continuation."""
    pending: List[str] = []
    start, size, bom_seen = 0, 0, False
    ends = _END_OF_LINE if version >= _CARRIAGE_RETURNS_END_LINES_SINCE else _OLD_END_OF_LINE
    for number, raw in enumerate(ends.split(text), 1):
        line = raw
        if version >= _COMMENTS_ARE_NO_PART_SINCE and line.lstrip(_WHITESPACE)[:1] in _COMMENT_MARKS:
            continue
        if not bom_seen and line.startswith(_BOM):
            line, bom_seen = line[1:], True
        size += len(line)
        if size > _LONGEST_LINE_BYTES:
            return
        start = start or number
        if goes_on(line):
            pending.append(line[:-1] + " ")
            continue
        yield start, "".join([*pending, line])
        pending, start, size = [], 0, 0
    if start and version >= _LAST_CONTINUED_LINE_COUNTS_SINCE:
        yield start, "".join(pending)
