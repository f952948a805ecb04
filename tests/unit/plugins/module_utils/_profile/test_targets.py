# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, List

import pytest
from unit.shell_host import SHELLS

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Finished
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.targets import AttachedProcess, Unit
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.tools import Tool
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.watchdog import Place


@pytest.mark.parametrize("shell", SHELLS)
def test_what_is_taken_back_in_a_container_is_in_there(tmp_path: Path, shell: str) -> None:
    """Its /var/tmp and /dev lead to ours, and its /tmp is a folder; the guard is a script for any sh."""
    root, ours = tmp_path / "root", tmp_path / "ours"
    process = AttachedProcess.__new__(AttachedProcess)
    process.place, process._pid, process._gdb = Place("pid 20"), 0, "gdb"
    process._root, process._name = str(root), "/" + Place("pid 20").folder.rpartition("/")[2]
    for folder in (root / "var", root / "tmp", ours / "shm"):
        folder.mkdir(parents=True)
    (root / "var/tmp").symlink_to(ours)
    (root / "dev").symlink_to(ours)
    folders = [Path(f"{folder}{process._name}") for folder in (root / "tmp", ours, ours / "shm")]
    for folder in folders:
        folder.mkdir()
    for line in process.take_back[1:]:
        subprocess.run([*SHELLS[shell], "-c", line], check=True)
    assert [folder.exists() for folder in folders] == [False, True, True]


class SlowHost:
    """A host where a service never gets beyond its start, and time passes only in pauses."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def pause(self, seconds: float) -> None:
        self.seconds += seconds
        assert self.seconds < 10_000, "it waits for ever"

    def run(self, argv: List[str]) -> Finished:
        return Finished(tuple(argv), 0, "", "")

    def run_or_fail(self, argv: List[str]) -> str:
        return "ActiveState=activating\nResult=success\nJob=5\n"


def test_a_service_that_does_not_start_is_waited_for_half_of_the_time() -> None:
    """The other half is for starting it without the profiler again."""
    host: Any = SlowHost()
    unit = Unit.__new__(Unit)
    unit.host, unit.unit = host, "slow.service"
    unit.wanted, unit.tool = SimpleNamespace(timeout=60), SimpleNamespace(name="heaptrack")  # type: ignore[assignment]
    with pytest.raises(LifeboatError, match=r"slow.service does not start with heaptrack: it is activating"):
        unit._wait()
    assert 30 < host.seconds < 32


def test_what_systemctl_quotes_is_read_as_it_is() -> None:
    """Paths with a backslash and a blank, and an environment with quotes."""
    texts = {"/etc/a\\x2db.service": "[Service]\nExecStart=/bin/old\n", "/etc/c d.conf": "[Service]\nExecStart=\n"}
    texts["/etc/c d.conf"] += "ExecStart=/bin/new %i\n"
    unit = Unit.__new__(Unit)
    unit.host = SimpleNamespace(read_if_there=texts.get)  # type: ignore[assignment]
    unit.unit, unit.place = "a\\x2db.service", Place("a")
    unit.wanted, unit.tool = SimpleNamespace(timeout=60), Tool("heaptrack", ("w",), {"LD_PRELOAD": "/h.so"}, {}, 1.0)  # type: ignore[assignment]
    unit._shown = {
        "Id": "a\\x2db.service",
        "FragmentPath": "/etc/a\\x2db.service",
        "DropInPaths": '"/etc/c d.conf"',
        "Environment": '"X=\\"q\\"" "LD_PRELOAD=/opt/50% a/x.so" LD_PRELOADS=y',
        "ProtectSystem": "",
        "ReadOnlyPaths": "",
        "InaccessiblePaths": "",
    }
    text = unit._dropin()
    assert 'Environment="LD_PRELOAD=/h.so:/opt/50%% a/x.so"\n' in text
    assert text.endswith("ExecStart=\nExecStart=w /bin/new %i\n")
