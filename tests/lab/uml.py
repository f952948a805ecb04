# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""User-mode Linux machines, side by side in one network that only this host sees."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from .access import Access, ssh_key
from .image import READY
from .kernel import starting
from .kind import Kind
from .network import Network, address
from .process import CAGE, LEASH, LabError, Process, locked, require_root, run, start, uninterrupted

CACHE = Path(__file__).resolve().parents[2] / ".lab"


@dataclass(frozen=True)
class Record:
    """What the run folder says of a machine, enough to reach it and to end it."""

    index: int
    pid: int
    started: int
    has_python: bool = True  # not said by labs of an older checkout


@dataclass(frozen=True)
class _Base:
    """What machines of one kind start from, and the descriptors that hold it; kernel are the words that start it."""

    image: Path
    kernel: list[str]
    holds: list[int]


class Machine:
    """One running device. Get it from :meth:`Lab.up`."""

    def __init__(self, lab: Lab, name: str, record: Record) -> None:
        self.name = name
        self.address = address(record.index)
        self.has_python = record.has_python
        self._lab = lab
        self._index = record.index
        self._process = Process(record.pid, record.started)

    def __repr__(self) -> str:
        return f"<Machine {self.name} {self.address}>"

    @property
    def alive(self) -> bool:
        return self._process.alive

    @property
    def console_path(self) -> Path:
        return self._lab.folder / f"{self.name}.console"

    def console(self, lines: int | None = 40) -> str:
        """The last lines that the kernel and systemd wrote to the console; with None all of them."""
        text = self.console_path.read_text(errors="replace").replace("\r", "")
        return text if lines is None else "\n".join(text.splitlines()[-lines:])

    def ssh_command(self, *words: str) -> list[str]:
        return self._lab.access.command(self.address, *words)

    def ssh(
        self, command: str, *, check: bool = True, timeout: float = 60, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell command as root. With check, a failure is a LabError that has its output."""
        words = self.ssh_command(command)
        try:
            done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
        except subprocess.TimeoutExpired as late:
            message = f"{self.name}: no answer in {timeout:g} s to: {command}\n{self.console()}"
            raise LabError(message) from late
        if check and done.returncode:
            raise LabError(f"{self.name}: {command!r} failed ({done.returncode}): {done.stdout}{done.stderr}")
        return done

    def wait_for_ssh(self, timeout: float = 120) -> None:
        """Wait until a command can be run, after the start or a reboot."""
        self._wait(self._answers, timeout)

    def wait_for_boot(self, timeout: float = 120) -> None:
        """Wait until the first boot is complete and a command can be run."""
        self._wait(lambda: READY in self.console(None), timeout)
        self.wait_for_ssh()

    def down(self) -> None:
        """End the machine at once, as by pulling its plug, and remove what was its."""
        self._lab.hang_up(self.address)
        self._process.end()
        self._lab.forget(self.name, self._index)

    def _answers(self) -> bool:
        try:
            return self.ssh("true", check=False, timeout=30).returncode == 0
        except LabError:  # a connection kept from before a reboot may hang
            self._lab.hang_up(self.address)
            return False

    def _wait(self, ready: Callable[[], bool], timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while not ready():
            if not self.alive:
                raise LabError(f"{self.name} ended while it was waited for:\n{self.console()}")
            if time.monotonic() > deadline:
                raise LabError(f"{self.name} did not come up in {timeout:g} s:\n{self.console()}")
            time.sleep(0.1)


class Lab:
    """Machines in a network of their own. ``with Lab() as lab:`` leaves nothing behind.

    Machines are of the Kind that is given here (``suite=…, kernel=…``), unless :meth:`up` is told otherwise.
    With ``keep`` the machines outlive the process; :meth:`close` ends them later, from any process.
    """

    def __init__(self, cache: Path = CACHE, name: str | None = None, *, keep: bool = False, **kind: Any) -> None:
        self.name = name or f"oomlab-{os.getpid()}"
        self.folder = cache / "run" / self.name
        # The path of a socket has at most 107 bytes, and a checkout may be far down.
        self.sockets = Path("/run") / self.name
        self.access = Access(self.folder / "ssh_config", self.sockets)
        self._cache = cache
        self._kind = Kind(**kind)
        self._keep = keep
        self._network = Network(self.name)
        self._held = contextlib.ExitStack()

    # -- begin and end

    def __enter__(self) -> Lab:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._keep:
            self._held.close()
        else:
            self.close()

    def open(self) -> Lab:
        """Take the name, make the network; end labs whose owner is gone."""
        require_root()
        runs = self.folder.parent
        with locked(runs.with_suffix(".lock")):
            self._close_stale(runs)
            if not self.folder.exists():
                self._replace_network(runs)
            try:
                self._held.enter_context(locked(self.folder / "lock", wait=False))
            except BlockingIOError as busy:
                raise LabError(f"lab {self.name} is in use by another process") from busy
            if self._keep:
                (self.folder / "keep").touch()
            else:
                self._close_at_the_end()
        try:
            self._prepare()
        except BaseException:
            self._held.close() if self.machines else self.close()
            raise
        return self

    def close(self) -> None:
        """End all machines and remove every trace of the lab but what is kept. May be called again."""
        with contextlib.ExitStack() as all_of_them:  # even if one resists
            for machine in self.machines.values():
                all_of_them.callback(machine.down)
        self._network.remove()
        shutil.rmtree(self.sockets, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        self._held.close()

    def build_image(self) -> Path:
        """Make what the lab's kind of machine starts from, unless it is there; the path of its image."""
        with self._base(self._kind) as base:
            return base.image

    def _prepare(self) -> None:
        self.sockets.mkdir(mode=0o700, exist_ok=True)
        self.access.write_config(ssh_key(self._cache), self._network.enter)
        if not self._network.exists:
            self._network.create()

    def _replace_network(self, runs: Path) -> None:
        """Away with what a lab of this name has left that was killed; not with what one of another checkout uses."""
        if self._network.is_used:
            raise LabError(
                f"a lab named {self.name} is up, and it is not one of {runs}: end it in its own checkout "
                "(tests/lab/lab down), or give this one another name (--name)"
            )
        self._network.remove()

    def _close_stale(self, runs: Path) -> None:
        """The lock of a lab goes with its owner, however that ended."""
        for folder in runs.glob("*"):
            if not (folder / "keep").exists():
                with contextlib.suppress(BlockingIOError), locked(folder / "lock", wait=False):
                    Lab(runs.parent, folder.name).close()

    def _close_at_the_end(self) -> None:
        atexit.register(self.close)
        self._held.callback(atexit.unregister, self.close)
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, _interrupt)
            self._held.callback(signal.signal, signal.SIGTERM, signal.SIG_DFL)

    # -- machines

    @property
    def machines(self) -> dict[str, Machine]:
        """The machines that were started and not taken down, by name."""
        records = {path.stem: json.loads(path.read_text()) for path in sorted(self.folder.glob("*.json"))}
        return {name: Machine(self, name, Record(**record)) for name, record in records.items()}

    def up(self, name: str, **options: Any) -> Machine:
        """Boot a fresh machine and wait until it answers; the options are those of :meth:`up_many`."""
        return self.up_many([name], **options)[0]

    def up_many(
        self,
        names: Iterable[str],
        *,
        memory: str = "384M",
        swap: str | None = None,
        cmdline: Iterable[str] = (),
        **kind: Any,
    ) -> list[Machine]:
        """Boot fresh machines side by side and wait until all answer.

        They are of the lab's kind but for what I(kind) says: ``suite="bullseye", kernel="5.10"``.
        I(cmdline) are more words on the kernel's command line.
        """
        chosen = replace(self._kind, **kind)
        started: list[Machine] = []
        try:
            with self._base(chosen) as base:
                for name in names:
                    started.append(self._start(name, chosen, base, memory, swap, cmdline))
            for machine in started:
                machine.wait_for_boot()
        except BaseException:
            for machine in started:
                machine.down()
            raise
        return started

    @contextlib.contextmanager
    def _base(self, kind: Kind) -> Iterator[_Base]:
        """What a kind of machine starts from, made unless it is there."""
        image = kind.image(self._cache, ssh_key(self._cache))
        kernel = kind.kept_kernel(self._cache)
        with contextlib.ExitStack() as held:
            holds = [held.enter_context(each.use()) for each in (image, kernel) if each]
            yield _Base(image.path, starting(kind.kernel, kernel), holds)

    def _start(
        self, name: str, kind: Kind, base: _Base, memory: str, swap: str | None, cmdline: Iterable[str]
    ) -> Machine:
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", name):
            raise LabError(f"{name!r} can not be a host name: use small letters, digits and hyphens")
        running = self.machines
        if name in running:
            raise LabError(f"{name} is up already")
        taken = {machine.address for machine in running.values()}
        index = next(index for index in range(200) if address(index) not in taken)
        disks = [f"ubd0={self.folder / name}.cow,{base.image}"]
        try:
            if swap:
                disks.append(f"ubd1={self._swap_disk(name, swap)}")
            words = [*base.kernel, *disks, *self._kernel_arguments(name, index, memory), *cmdline]
            return self._boot(name, index, kind, words, base.holds)
        except BaseException:
            self.forget(name, index)
            raise

    def _kernel_arguments(self, name: str, index: int, memory: str) -> list[str]:
        arguments = {
            "mem": memory,
            "umid": name,
            "uml_dir": f"{self.sockets}/",
            "root": "/dev/ubda",
            "con": "null",
            "con0": "null,fd:1",
            "ssl": "null",
            "init": "/sbin/init",
            "log_buf_len": "1M",  # the 16 KiB of this kernel hold two kills
            "net.ifnames": "0",
            "systemd.show_status": "0",
            "lab.name": name,
            "lab.address": address(index),
        }
        return ["rw", self._network.plug(index), *(f"{key}={value}" for key, value in arguments.items())]

    def _boot(self, name: str, index: int, kind: Kind, words: list[str], holds: list[int]) -> Machine:
        leash = () if self._keep else LEASH
        command = [*leash, *self._network.enter, *CAGE, *words]
        with uninterrupted():
            # The machine holds image and kernel as long as it runs, so also over reboots.
            process = start(command, self.folder / f"{name}.console", holds)
            record = Record(index, process.pid, process.started, kind.has_python)
            (self.folder / f"{name}.json").write_text(json.dumps(asdict(record)))
        return Machine(self, name, record)

    def _swap_disk(self, name: str, size: str) -> Path:
        disk = self.folder / f"{name}.swap"
        run("truncate", "-s", size, disk)
        run("mkswap", disk)
        return disk

    def forget(self, name: str, index: int) -> None:
        """Remove the files and the tap of a machine that has ended."""
        self._network.unplug(index)
        shutil.rmtree(self.sockets / name, ignore_errors=True)
        for kind in ("cow", "swap", "console", "json"):
            (self.folder / f"{name}.{kind}").unlink(missing_ok=True)

    # -- ssh and Ansible

    def hang_up(self, host: str) -> None:
        """End the ssh connection that is kept open to a host, if there is one."""
        self.access.hang_up(host)

    def inventory(
        self,
        machines: Iterable[Machine] | None = None,
        variables: Mapping[str, Any] | None = None,
        host_variables: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> str:
        """An inventory (JSON, so YAML too) for Ansible on the host, of these machines or of all that are up."""
        group = {**self.access.ansible_variables, **(variables or {})}
        python = {"ansible_python_interpreter": group.pop("ansible_python_interpreter", "/usr/bin/python3")}
        hosts = {
            machine.name: {
                "ansible_host": machine.address,
                **(python if machine.has_python else {}),
                **(host_variables or {}).get(machine.name, {}),
            }
            for machine in (self.machines.values() if machines is None else machines)
        }
        everything = {"all": {"hosts": hosts, "vars": group}}
        return json.dumps(everything, indent=2, ensure_ascii=False) + "\n"


def _interrupt(signum: int, frame: FrameType | None) -> None:
    """As Ctrl-C: pytest then ends its fixtures, and a ``with`` its lab."""
    raise KeyboardInterrupt(f"signal {signum}")
