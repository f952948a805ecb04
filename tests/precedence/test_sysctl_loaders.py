# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who wins after a reboot: what C(precedence.py) says against what the real programs do.

Run it as root on Debian; changing the root folder needs that, the sysctls of the host are never touched::

    pytest -s tests/precedence/test_sysctl_loaders.py

Packages: systemd (C(systemd-sysctl)) and procps (C(sysctl)); with busybox or busybox-static BusyBox is compared
as well. A loader that is not installed is skipped.

For other versions unpack a system, as in C(mmdebstrap --variant=extract
--include=systemd,procps,busybox-static trixie FOLDER), and name the folder in C(SYSCTL_LOADERS_FROM). For Debian
11 add C(SYSCTL_LOADERS=procps3); its systemd and BusyBox are older than what is computed here.
C(SYSCTL_LOADERS_TREES) asks for more trees.
"""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from precedence.sysctl_machine import KEYS, Machine, found_files
from precedence.sysctl_trees import random_tree

from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl import precedence
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.file_syntax import Assignment, Loader, parse
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.precedence import (
    SysctlFile,
    boot_writes,
    read_order,
    sources,
    winner,
)

TREES = int(os.environ.get("SYSCTL_LOADERS_TREES", "1000"))
DONOR = os.environ.get("SYSCTL_LOADERS_FROM", "/")
LOADERS = tuple(os.environ.get("SYSCTL_LOADERS", "systemd procps busybox").split())

# What is not computed, for it takes a broken line and reaches nothing on a real system: C(..) in a path; an empty
# value after a backslash, of which BusyBox writes no byte; what procps 3 makes of a line with no C(=).
_LEFT_OPEN = {
    "systemd": r"(?!)",
    "procps": r"(?!)",
    "procps3": r"/\.\./|^(?![ \t]*[#;])[^=\0\n]*[^=\0\s][^=\0\n]*(\0|$)",
    "busybox": r"/\.\./|=\s*(\\\s*)?$",
}

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="changing the root folder needs root")


@pytest.fixture(params=LOADERS)
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Machine:
    try:
        return Machine(request.param, tmp_path, DONOR)
    except FileNotFoundError as missing:
        pytest.skip(str(missing))


def test_the_real_loader_does_what_is_computed(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    seen: Counter[str] = Counter()
    started = time.monotonic()
    for number in range(TREES):
        seen.update(_compare(machine, number))
    with capsys.disabled():
        print(f"\n{machine.loader}: {TREES} trees in {time.monotonic() - started:.1f} s: {dict(seen)}")
    assert seen["compared"] >= 500 or machine.loader == "procps3"
    assert all(seen[what] >= 50 for what in _EXPECTED[machine.loader]), "the trees have become too plain"


def test_a_wrong_order_of_folders_would_be_noticed(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    where = sources(machine.loader)
    wrong = precedence.Sources(where.folders[::-1], "/etc/sysctl.d/10-a.conf")
    monkeypatch.setitem(precedence.SOURCES, machine.loader, wrong)
    with pytest.raises(AssertionError):
        for number in range(100):
            _compare(machine, number)


def _compare(machine: Machine, number: int) -> Iterator[str]:
    """Run the loader over a tree and compare; says what the tree is good for."""
    folders = [one for one in sources("procps").folders if machine.reads_lib or one != "/lib/sysctl.d"]
    tree = random_tree(Random(number), folders)
    files = found_files(tree)
    texts = [one.text or "" for one in files if one.path in read_order(tree, machine.loader)]
    if any(re.search(_LEFT_OPEN[machine.loader], text, re.MULTILINE) for text in texts):
        return iter(())
    writes = boot_writes(files, machine.loader, machine.keys_as_listed)
    observed = machine.run(tree)
    masks = {one.path for one in files if one.text is None}
    assert _opened(files, machine.loader) == tuple(path for path in observed.opened if path not in masks)
    assert tuple((write.key, write.value) for write in writes) == observed.writes
    for key in KEYS:
        assert _value(machine.loader, key, writes) == observed.contents[key], key
        _stands_where_it_says(winner(writes, key), files)
    return _kinds(files, machine, writes)


def _opened(files: tuple[SysctlFile, ...], loader: Loader) -> tuple[str, ...]:
    """What the loader says that it opens, which BusyBox does not; of masks it only sometimes says it."""
    texts = {one.path: one.text for one in files}
    return () if loader == "busybox" else tuple(path for path in read_order(texts, loader) if texts[path] is not None)


def _value(loader: Loader, key: str, writes: tuple[Assignment, ...]) -> bytes:
    """The bytes of a key at the end.

    A plain file is not C(/proc/sys): systemd does not shorten it, so that the end of a longer value stays.
    """
    content = b""
    end = b"" if loader == "busybox" else b"\n"
    for write in writes:
        if write.key == key:
            value = write.value.encode("utf-8", "surrogateescape")
            if loader != "systemd":
                content = value + end
            elif content.rstrip(b"\n\r") != value:  # else the write is suppressed
                content = value + end + content[len(value + end) :]
    return content


def _stands_where_it_says(write: Assignment | None, files: tuple[SysctlFile, ...]) -> None:
    if write is not None:
        text = next(one.text for one in files if one.path == write.path) or ""
        assert write.value in text
        if not set(text) & set("\r\0\\"):  # else the loader counts lines in its own way
            assert write.value in text.split("\n")[write.line - 1]


def _kinds(files: tuple[SysctlFile, ...], machine: Machine, writes: tuple[Assignment, ...]) -> Iterator[str]:
    read = read_order([one.path for one in files], machine.loader)
    lines = [line for one in files if one.path in read for line in parse(one.text or "", one.path).assignments]
    names = [one.path.rpartition("/")[2] for one in files if one.path.startswith(sources(machine.loader).folders)]
    yield "compared"
    if writes:
        yield "with writes"
    if any(not one.text and one.path in read for one in files):
        yield "with masks"
    if len(names) > len(set(names)):
        yield "with hidden names"
    if {(line.path, line.line) for line in lines if line.is_glob} & {(one.path, one.line) for one in writes}:
        yield "with writes by a pattern"
    if any(line.excludes for line in lines):
        yield "with exclusions"
    if len({line.key for line in lines}) < len(lines):
        yield "with repeated keys"
    systemd, procps = (boot_writes(files, loader, machine.keys_as_listed) for loader in ("systemd", "procps"))
    if any(_last(systemd, key) != _last(procps, key) for key in KEYS):
        yield "with loaders that disagree"


def _last(writes: tuple[Assignment, ...], key: str) -> str | None:
    found = winner(writes, key)
    return None if found is None else found.value


_EXPECTED = {
    "systemd": (
        "with writes",
        "with masks",
        "with hidden names",
        "with writes by a pattern",
        "with exclusions",
        "with repeated keys",
        "with loaders that disagree",
    ),
    "busybox": ("with writes", "with repeated keys"),
}
_EXPECTED["procps"] = _EXPECTED["systemd"]
_EXPECTED["procps3"] = tuple(what for what in _EXPECTED["systemd"] if "pattern" not in what)
