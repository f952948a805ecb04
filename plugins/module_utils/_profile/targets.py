# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be profiled: a service, a command, a process that runs. Each says how it starts and how it is taken back."""

from __future__ import annotations

import re
import shlex
from typing import Dict, List, Optional, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, LifeboatError, Missing, Unsupported
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.process import has_capability, parse_status
from ansible_collections.lifeboat.oom.plugins.module_utils._profile import tools
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.request import Request
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.tools import Tool
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.watchdog import Place, show
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd import units
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.dropins import read_section

DROPIN = "zzzz-lifeboat-oom-profile.conf"
_PRELOAD = "LD_PRELOAD="
_PROPERTIES = (
    "LoadState",
    "ActiveState",
    "Type",
    "OnFailure",
    "MainPID",
    "FragmentPath",
    "DropInPaths",
    "Environment",
    "User",
    "DynamicUser",
    "RootDirectory",
    "RootImage",
    "ProtectSystem",
    "ReadOnlyPaths",
    "InaccessiblePaths",
)
_CAP_SYS_PTRACE = 19
_TRACED = re.compile(r"^TracerPid:\s*([1-9]\d*)", re.MULTILINE)
_POLL_SECONDS = 0.5
_PARENTS = ("/var/tmp", "/tmp", "/dev/shm")  # noqa: S108 of the process, not ours


class Target:
    """One subject. I(take_back) are lines of sh that undo all that C(begin()) does, also where it got half way."""

    def __init__(self, host: Host, wanted: Request, tool: Tool, place: Place) -> None:
        self.host, self.wanted, self.tool, self.place = host, wanted, tool, place

    @property
    def steps(self) -> List[str]:
        """What will be done, for people."""
        raise NotImplementedError

    @property
    def take_back(self) -> Tuple[str, ...]:
        raise NotImplementedError

    def begin(self) -> None:
        """Start it with the profiler, and wait until it runs. Raises LifeboatError where it does not."""
        raise NotImplementedError

    def main_pid(self) -> Optional[int]:
        """Its main process, C(None) where it has ended."""
        raise NotImplementedError

    def memory_bytes(self) -> int:
        """RSS and swap of the main process; 0 where it has none."""
        pid = self.main_pid()
        try:
            status = parse_status(self.host.read(f"/proc/{pid}/status")) if pid else None
        except Missing:
            status = None
        return (status["VmRSS"] + status.get("VmSwap", 0)) * 1024 if status else 0

    def output(self) -> str:
        """The file that the profiler writes."""
        pid, found = self.main_pid(), self.host.names(self.place.data)
        return self.tool.output(self.place.data, pid) if pid or not found else f"{self.place.data}/{found[0]}"

    def check_after(self) -> None:
        """Raises LifeboatError where it is not again as it was."""

    def clean(self) -> None:
        """Remove what lies elsewhere, once it has been read."""


class _Started(Target):
    """What runs as a unit while it is profiled."""

    unit: str

    def main_pid(self) -> Optional[int]:
        return int(show(self.host, self.unit, "MainPID")["MainPID"] or 0) or None

    def _wait(self) -> None:
        deadline = self.host.now() + self.wanted.timeout / 2
        while True:
            state = show(self.host, self.unit, "ActiveState", "Result", "Job")
            settled = not state["Job"]  # before the start the end of the one before is still told
            if settled and (state["ActiveState"] == "active" or self._has_ended_well(state)):
                return
            if (settled and state["ActiveState"] in ("failed", "inactive")) or self.host.now() > deadline:
                raise LifeboatError(
                    f"{self.unit} does not start with {self.tool.name}: it is {state['ActiveState']} "
                    f"({state['Result']}). {self._said()}"
                )
            self.host.pause(_POLL_SECONDS)

    def _has_ended_well(self, state: Dict[str, str]) -> bool:
        return False

    def _said(self) -> str:
        log = self.host.run(["journalctl", "--no-pager", "--quiet", "--lines=15", "--output=cat", "-u", self.unit])
        if "redirection" in log.stdout and "ld-" in log.stdout:
            return f"valgrind needs the symbols of the C library; {tools.install_hint(self.host, 'valgrind')}"
        return f"Look at 'journalctl -u {self.unit}'"


class Unit(_Started):
    """A service: a drop-in in C(/run) and a restart; then without the drop-in another one."""

    def __init__(self, host: Host, wanted: Request, tool: Tool, place: Place) -> None:
        super().__init__(host, wanted, tool, place)
        self.unit = wanted.unit or ""
        self._shown = show(host, self.unit, *_PROPERTIES)
        if self._shown["Type"] == "forking":
            self.tool = tools.forking(tool, self.unit)
        self._folder = f"/run/systemd/system/{self.unit}.d"
        self._path = self._folder + "/" + DROPIN
        self._check()

    def _check(self) -> None:
        if self._shown["LoadState"] != "loaded":
            raise LifeboatError(
                f"unit: found that {self.unit} is {self._shown['LoadState']}, expected a loaded service"
            )
        if self._shown["ActiveState"] != "active":
            raise LifeboatError(
                f"unit: found that {self.unit} is {self._shown['ActiveState']}, expected an active one; start it first"
            )
        for name in ("RootDirectory", "RootImage"):
            if self._shown[name]:
                raise Unsupported(
                    f"{self.unit} has {name}={self._shown[name]}: the profiler is not in there; attach by pid instead"
                )
        self._dropin()

    @property
    def steps(self) -> List[str]:
        told = " ".join(units.words(self._shown, "OnFailure"))
        more = [f"should it fail in between, systemd starts {told} (OnFailure=)"] if told else []
        return [
            f"write {self._path}, reload systemd, restart {self.unit} with {self.tool.name}",
            f"watch it for {self.wanted.duration} s",
            f"restart {self.unit} without {self.tool.name}, remove {self._path}, reload systemd",
            *more,
        ]

    @property
    def take_back(self) -> Tuple[str, ...]:
        path, folder, unit = (shlex.quote(each) for each in (self._path, self._folder, self.unit))
        harmless = " ".join(shlex.quote(line) for line in tools.HARMLESS)
        # Where memory is short it may take too long: restarted without it the service would stay profiled.
        reload = "for try in 1 2 3 4 5; do systemctl daemon-reload && break; sleep 1; done"
        return (
            # With the profiler a stop may take too long, and be a failure too.
            f"[ ! -e {path} ] || printf '%s\\n' {harmless} > {path}",
            reload,
            f"systemctl reset-failed -- {unit} 2> /dev/null",
            f"systemctl restart -- {unit}; restarted=$?",
            f"rm -f {path}",
            f"rmdir {folder} 2> /dev/null",
            reload,
            "(exit $restarted)",
        )

    def begin(self) -> None:
        self.host.make_folder(self.place.data, *self._owner())
        self.host.write(self._path, self._dropin())
        self.host.run_or_fail(["systemctl", "daemon-reload"])
        self.host.run_or_fail(["systemctl", "restart", "--no-block", "--", self.unit])
        self.host.pause(_POLL_SECONDS)
        self._wait()

    def check_after(self) -> None:
        state = show(self.host, self.unit, "ActiveState", "DropInPaths")
        if self.host.exists(self._path) or self._path in units.words(state, "DropInPaths"):
            raise LifeboatError(f"{self._path} is still there or loaded; remove it and restart {self.unit}")
        if state["ActiveState"] not in ("active", "activating", "reloading"):
            raise LifeboatError(
                f"{self.unit} has its own files again, but is {state['ActiveState']}; "
                f"look at 'systemctl status {self.unit}'"
            )

    def _owner(self) -> Tuple[int, Optional[Tuple[int, int]]]:
        """Mode and owner of the folder for what the service writes: its user at its start, C(None) for root."""
        user = self._shown["User"]
        if self._shown["DynamicUser"] == "yes":
            return 0o1733, None
        if not user:
            return 0o700, None
        ids = [int(self.host.run_or_fail(["id", flag, "--", user])) for flag in ("-u", "-g")]
        return 0o700, (ids[0], ids[1])

    def _dropin(self) -> str:
        sandboxed = self._shown["ProtectSystem"] == "strict" or self._shown["ReadOnlyPaths"]
        writable = self.place.data if sandboxed or self._shown["InaccessiblePaths"] else None
        environment = units.words(self._shown, "Environment")
        preloaded = [word[len(_PRELOAD) :] for word in environment if word.startswith(_PRELOAD)]
        command = self._command() if self.tool.words else None
        return tools.dropin(self.tool, command, self.wanted.timeout, writable, preloaded[-1] if preloaded else "")

    def _command(self) -> str:
        """The one command of the unit, as its files have it."""
        paths = [units.text(self._shown, "FragmentPath"), *units.words(self._shown, "DropInPaths")]
        texts = [self.host.read_if_there(path) or "" for path in paths if path]
        found = tools.commands(
            value for text in texts for _unused, key, value in read_section(text) if key == "ExecStart"
        )
        if len(found) != 1:
            raise Unsupported(f"{self.unit} has {len(found)} commands (ExecStart=), expected one; use heaptrack")
        return found[0]


class Command(_Started):
    """A command line as a unit of its own, which ends after the run."""

    def __init__(self, host: Host, wanted: Request, tool: Tool, place: Place) -> None:
        super().__init__(host, wanted, tool, place)
        self.unit = place.transient
        if not wanted.command[0].startswith("/"):
            raise LifeboatError(f"command: found {wanted.command[0]!r}, expected a program by its full path")
        if not host.exists(wanted.command[0]):
            raise Missing(f"command: there is no {wanted.command[0]} on this host", wanted.command[0])

    @property
    def steps(self) -> List[str]:
        line = " ".join([*self.tool.words, self.wanted.command[0]])
        return [f"run {line} with {self.tool.name} as {self.unit} for {self.wanted.duration} s", "stop it"]

    @property
    def take_back(self) -> Tuple[str, ...]:
        return (f"systemctl stop {shlex.quote(self.unit)}",)

    def begin(self) -> None:
        self.host.make_folder(self.place.data, 0o700)
        environment = [f"--setenv={key}={value}" for key, value in sorted(self.tool.environment.items())]
        argv = ["systemd-run", "--quiet", "--collect", f"--unit={self.unit}", *environment, "--"]
        # systemd puts variables into the words of a command.
        words = [word.replace("$", "$$") for word in (*self.tool.words, *self.wanted.command)]
        self.host.run_or_fail([*argv, *words])
        self._wait()

    def _has_ended_well(self, state: Dict[str, str]) -> bool:
        return state["ActiveState"] == "inactive" and state["Result"] in ("success", "")


class AttachedProcess(Target):
    """A process that runs: heaptrack is put into it by gdb, and told to stop by it. It stays loaded."""

    def __init__(self, host: Host, wanted: Request, tool: Tool, place: Place) -> None:
        super().__init__(host, wanted, tool, place)
        self._pid = wanted.pid or 0
        self._gdb = tools.program(host, "gdb")
        self._library = f"{tool.library}/libheaptrack_inject.so"
        # What it has written outlives it where its files are ours.
        self._root = "" if self._shares_our_files() else f"/proc/{self._pid}/root"
        self._name = "/" + place.folder.rpartition("/")[2]
        self._folder = ""
        self._check()

    def _shares_our_files(self) -> bool:
        """Whether it is in our mount namespace, C(mnt:[4026531841]), and has our root folder."""

        def same(link: str) -> bool:
            found = [self.host.link_target(f"/proc/{who}/{link}") for who in (self._pid, "self")]
            return None not in found and len({(target or "").rpartition(":")[2] for target in found}) == 1

        return same("ns/mnt") and same("root")

    def _check(self) -> None:
        if not self.host.exists(f"/proc/{self._pid}"):
            raise Missing(f"pid: there is no process {self._pid}", f"/proc/{self._pid}")
        status = self.host.read(f"/proc/{self._pid}/status")
        traced = _TRACED.search(status)
        if traced:
            raise LifeboatError(
                f"pid: process {self._pid} is traced by process {traced.group(1)} already; end that first"
            )
        scope = (self.host.read_if_there("/proc/sys/kernel/yama/ptrace_scope") or "0").strip()
        if scope == "3":
            raise Unsupported("kernel.yama.ptrace_scope is 3: nobody may attach until the next boot; name the unit")
        if not has_capability(self.host.read("/proc/self/status"), _CAP_SYS_PTRACE):
            raise Unsupported("ptrace is not permitted here (no CAP_SYS_PTRACE), as in most containers; name the unit")
        if "libc" not in self.host.read(f"/proc/{self._pid}/maps"):
            raise Unsupported(
                f"pid: process {self._pid} has no C library (it is linked statically): use valgrind on its unit"
            )

    @property
    def steps(self) -> List[str]:
        return [
            f"attach heaptrack to process {self._pid} with gdb, which may crash it",
            f"watch it for {self.wanted.duration} s",
            "stop heaptrack with gdb; its library stays in the process",
        ]

    @property
    def take_back(self) -> Tuple[str, ...]:
        words = [
            *self._gdb_argv(),
            "--eval-command=sharedlibrary libheaptrack_inject",
            "--eval-command=call (void) heaptrack_stop()",
            "--eval-command=detach",
        ]
        line = " ".join(shlex.quote(word) for word in words)
        finished = f"[ -e {shlex.quote(self.place.finished)} ]"
        return (
            f"if grep -q libheaptrack_inject /proc/{self._pid}/maps; then {line}; fi",
            *(
                f"{finished} || {self._is_elsewhere(parent)}rm -rf {self._root}{parent}{self._name}"
                for parent in _PARENTS
            ),
        )

    def _is_elsewhere(self, folder: str) -> str:
        """Words of sh: in the root of a container a link would lead to a folder of ours."""
        parts = folder.strip("/").split("/") if self._root else []
        paths = ["/".join([self._root, *parts[: depth + 1]]) for depth in range(len(parts))]
        return "".join(f"[ -h {path} ] || " for path in paths)

    def main_pid(self) -> Optional[int]:
        return self._pid if self.host.exists(f"/proc/{self._pid}") else None

    def output(self) -> str:
        return self._root + self._folder + "/raw"

    def begin(self) -> None:
        uid, gid = self._ids()
        self._folder = self._own_folder(uid, gid)
        done = self.host.run(
            [
                *self._gdb_argv(),
                "--eval-command=sharedlibrary libc.so",
                f'--eval-command=call (void*) dlmopen(0, "{self._library}", 2)',
                "--eval-command=sharedlibrary libheaptrack_inject",
                f'--eval-command=call (void) heaptrack_inject("{self._folder}/raw")',
                "--eval-command=detach",
            ],
            self.wanted.timeout,
        )
        if "libheaptrack_inject" not in self.host.read(f"/proc/{self._pid}/maps"):
            said = (done.stderr.strip() or done.stdout.strip() or "nothing")[-1500:]
            raise HostError(f"gdb could not put heaptrack into process {self._pid}; it said: {said}", "gdb")

    def _gdb_argv(self, *more: str) -> List[str]:
        return [self._gdb, "--batch", "-n", "-iex=set auto-solib-add off", "-p", str(self._pid), *more]

    def _ids(self) -> Tuple[int, int]:
        status = self.host.read(f"/proc/{self._pid}/status")
        numbers: Dict[str, int] = parse_status(status) or {}
        return numbers.get("Uid", 0), numbers.get("Gid", 0)

    def _own_folder(self, uid: int, gid: int) -> str:
        """A folder that the process can write to, in its own mount namespace, where little else may be writable."""
        for parent in _PARENTS:
            try:
                self.host.remove_tree(self._root + parent + self._name)
                self.host.make_folder(self._root + parent + self._name, 0o700, (uid, gid), fresh=True)
            except HostError:
                continue
            return parent + self._name
        raise LifeboatError(f"process {self._pid} can write to none of /var/tmp, /tmp and /dev/shm; name its unit")

    def clean(self) -> None:
        if self._folder and (self.main_pid() or not self._root):
            self.host.remove_tree(self._root + self._folder)


def target(host: Host, wanted: Request, tool: Tool, place: Place) -> Target:
    chosen = Unit if wanted.unit else AttachedProcess if wanted.pid else Command
    return chosen(host, wanted, tool, place)
