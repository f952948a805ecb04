# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host in a folder: its files are real, its commands are canned, and what a test names fails."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Union

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Finished
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, Missing
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host, ProcessFolder
from ansible_collections.lifeboat.oom.plugins.module_utils._machine.replacement import Replacement
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.file_syntax import proc_path
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.keys import MODE, VOIDS
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.units import PROPERTIES

Answer = Union[str, Finished, HostError]
# The question of read_services(), in front of the names of units.
SHOW = f"systemctl show --no-pager --property={','.join(PROPERTIES)} --"


class FakeHost(Host):
    """I(commands) maps the beginning of a command line to its output; a program not named there is missing.

    I(failing) maps C((verb, path)) to the error that reading, putting, writing or opening this path raises,
    I(written) a path to when it was written.
    """

    def __init__(self, root: Path, commands: Mapping[str, Answer] | None = None) -> None:
        super().__init__(str(root))
        self.commands = dict(commands or {})
        self.failing: dict[tuple[str, str], HostError] = {}
        self.read_only: set[str] = set()
        self.written: dict[str, int | None] = {}
        self.asked: list[str] = []

    @property
    def page_kib(self) -> int:
        return 4

    @property
    def own_pids(self) -> frozenset[int]:
        return frozenset([4_000_000])

    def has(self, path: str, content: str | bytes = "") -> Path:
        """Make a file."""
        real = Path(self.real(path))
        real.parent.mkdir(parents=True, exist_ok=True)
        real.write_bytes(content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content)
        return real

    def has_link(self, path: str, target: str) -> Path:
        real = Path(self.real(path))
        real.parent.mkdir(parents=True, exist_ok=True)
        real.symlink_to(target)
        return real

    def has_folder(self, path: str) -> Path:
        real = Path(self.real(path))
        real.mkdir(parents=True, exist_ok=True)
        return real

    def has_process(self, pid: int, comm: str = "nginx", **files: str) -> None:
        """Make a process of nginx.service with memory of its own; I(files) replace what is in its folder."""
        name = comm.replace("\\", "\\\\").replace("\n", "\\n")
        content = {
            "status": f"Name:\t{name}\nUid:\t33\t33\t33\t33\nVmRSS:\t1740 kB\nRssAnon:\t116 kB\nRssFile:\t1600 kB\n"
            "RssShmem:\t24 kB\nVmPTE:\t48 kB\nVmSwap:\t12 kB\nThreads:\t1\n",
            "stat": f"{pid} ({comm}) S 1 1 1 0 -1 4194560 1 0 0 0 5 3 0 0 20 0 1 0 {5000 + pid} 3133440 435\n",
            "cgroup": "0::/system.slice/nginx.service\n",
            "oom_score": "667\n",
            "oom_score_adj": "0\n",
        }
        for file, text in {**content, **files}.items():
            self.has(f"/proc/{pid}/{file}", text)

    def everything(self) -> dict[str, bytes]:
        """All files with their content, to compare before and after."""
        root = Path(self.root)
        return {
            "/" + str(path.relative_to(root)): os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file() or path.is_symlink()
        }

    def read(self, path: str) -> str:
        self.fail("read", path)
        return super().read(path)

    def put(self, path: str, text: str) -> None:
        self.fail("put", path)
        super().put(path, text)

    def swap(
        self, path: str, before: str | None, after: str | None, like: str | None = None, mode: int = 0o644
    ) -> Replacement:
        self.fail("write", path)
        return super().swap(path, before, after, like, mode)

    def process(self, pid: int) -> ProcessFolder:
        self.fail("open", f"/proc/{pid}")
        return _FakeFolder(self, pid)

    def is_read_only(self, path: str) -> bool:
        return path in self.read_only or super().is_read_only(path)

    def written_ticks(self, path: str) -> int | None:
        return self.written[path] if path in self.written else super().written_ticks(path)

    def run(  # type: ignore[override]
        self, argv: list[str] | tuple[str, ...], timeout_seconds: int | None = None, stdin: str | None = None
    ) -> Finished:
        if stdin is not None:
            self.read_foreign(stdin)
        line = " ".join(argv)[len(self.root) if argv[0].startswith(self.root + "/") else 0 :]
        self.asked.append(line)
        known = max((start for start in self.commands if line.startswith(start)), key=len, default=None)
        answer = (
            Missing(f"cannot run {argv[0]}: No such file or directory", argv[0])
            if known is None
            else self.commands[known]
        )
        if isinstance(answer, HostError):
            raise answer
        return answer if isinstance(answer, Finished) else Finished(tuple(argv), 0, answer, "")

    def fail(self, verb: str, path: str) -> None:
        if (verb, path) in self.failing:
            raise self.failing[verb, path]


class _FakeFolder(ProcessFolder):
    def __init__(self, host: FakeHost, pid: int) -> None:
        super().__init__(host.real(f"/proc/{pid}"))
        self._host, self._pid = host, pid

    def read(self, name: str) -> str:
        self._host.fail("read", f"/proc/{self._pid}/{name}")
        return super().read(name)


class FakeKernel(FakeHost):
    """A host whose sysctls behave as the kernel's: a wrong mode is refused, a limit zeroes the other one."""

    def runs_with(self, runtime: Mapping[str, str]) -> None:
        for key, value in runtime.items():
            self.has(proc_path(key), value + "\n")

    def put(self, path: str, text: str) -> None:
        if path == proc_path(MODE) and text not in ("0", "1", "2"):
            raise HostError(f"cannot write {text!r} to {path}: {os.strerror(22)}", path)
        super().put(path, text + "\n")
        for key, partner in VOIDS.items():
            if path == proc_path(key):
                super().put(proc_path(partner), "0\n")
