# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services that hold memory, one that leaks, and how to bring the kernel to its choice."""

from __future__ import annotations

import re
import shlex
import time
from dataclasses import dataclass

from .process import LabError
from .uml import Machine


@dataclass(frozen=True)
class Service:
    """Holds this much touched memory and answers on a socket."""

    name: str
    holds_mib: int


# For a machine of 384M: with these running about 100 MiB are left to the leak, so that
# without protection the kernel meets vital first, and with it the leak.
VITAL, WEB, METRICS = SERVICES = (Service("vital", 140), Service("web", 40), Service("metrics", 24))
LEAK = "leak"

_FOLDER = "/usr/local/lib/lab"
_HOLD = r"""
import os, socket, sys
name, mib = sys.argv[1], int(sys.argv[2])
with open("/proc/self/comm", "w") as comm:
    comm.write(name)
held = b"\1" * (mib << 20)
path = f"/run/{name}.sock"
if os.path.exists(path):
    os.unlink(path)
server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen()
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
    manager.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
while True:
    caller, _ = server.accept()
    caller.sendall(b"%d" % os.getpid())
    caller.close()
"""
_ASK = r"""
import socket, sys
server = socket.socket(socket.AF_UNIX)
server.settimeout(5)
server.connect(f"/run/{sys.argv[1]}.sock")
print(server.recv(99).decode())
"""
# Fast, and every page touched: slow growth lets the file cache thrash for long before the kernel decides.
_LEAK = r"""
import time
with open("/proc/self/comm", "w") as comm:
    comm.write("leak")
held = []
while True:
    held.append(b"\1" * (8 << 20))
    time.sleep(0.01)
"""
_SERVICE_UNIT = f"""\
[Unit]
Description={{name}}, {{mib}} MiB

[Service]
Type=notify
ExecStart=/usr/bin/python3 {_FOLDER}/hold.py {{name}} {{mib}}

[Install]
WantedBy=multi-user.target
"""
_LEAK_UNIT = f"""\
[Unit]
Description=Grows without end

[Service]
ExecStart=/usr/bin/python3 {_FOLDER}/leak.py
Restart=no
"""


def install(machine: Machine, services: tuple[Service, ...] = SERVICES) -> None:
    """Put the services and the leak on the machine; start the services, enabled for the next boot too."""
    files = {f"{_FOLDER}/hold.py": _HOLD, f"{_FOLDER}/ask.py": _ASK, f"{_FOLDER}/leak.py": _LEAK}
    files[f"/etc/systemd/system/{LEAK}.service"] = _LEAK_UNIT
    for service in services:
        unit = _SERVICE_UNIT.format(name=service.name, mib=service.holds_mib)
        files[f"/etc/systemd/system/{service.name}.service"] = unit
    script = [f"mkdir -p {_FOLDER}"]
    script += [f"printf %s {shlex.quote(text)} > {path}" for path, text in files.items()]
    names = " ".join(service.name for service in services)
    script += [f"systemctl enable --quiet --no-reload {names}", "systemctl daemon-reload"]
    script += [f"systemctl start {names}"]
    machine.ssh("sh -e -s", stdin="\n".join(script))


def answers(machine: Machine, service: Service) -> bool:
    """Whether the service does its work."""
    asked = machine.ssh(f"python3 {_FOLDER}/ask.py {service.name}", check=False)
    return asked.returncode == 0


def provoke_oom(machine: Machine, timeout: float = 120) -> str:
    """Start the leak, wait for the kernel's first kill, stop the leak; the kernel log since the start."""
    seen = len(machine.console(None))
    logged = kernel_log(machine)
    machine.ssh(f"systemctl start --no-block {LEAK}")
    deadline = time.monotonic() + timeout
    while not victims(machine.console(None)[seen:]):  # the console needs no memory of the machine
        if time.monotonic() > deadline:
            raise LabError(f"{machine.name}: nothing was killed in {timeout:g} s:\n{machine.console()}")
        time.sleep(0.2)
    machine.ssh(f"systemctl stop {LEAK}", timeout=timeout)
    return kernel_log(machine).removeprefix(logged)


def kernel_log(machine: Machine) -> str:
    return machine.ssh("dmesg").stdout


def victims(log: str) -> list[str]:
    """The names of the processes that the kernel killed for want of memory, first to last."""
    return re.findall(r"Killed process \d+ \((.*?)\)", log)
