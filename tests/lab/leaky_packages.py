# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service that leaks in its library, as Debian packages: the library in a version that leaks and in a fixed one."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import tarfile
from pathlib import Path

from .process import run
from .uml import Machine

UNIT, FUNCTION = "telemetry.service", "telemetry::remember"
SERVICE, LIBRARY = "telemetry", "libtelemetry1"
LEAKING, FIXED = "1.0", "1.1"

_SOURCES = Path(__file__).with_name("leaky")
_REPOSITORY = "/srv/packages"
_LOAD = r"""
import socket, time
out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
while True:
    try:
        out.sendto(b"event", "\0telemetry")
    except OSError:
        pass
    time.sleep(0.02)
"""
_LOAD_UNIT = """\
[Unit]
Description=Fifty events a second

[Service]
ExecStart=/usr/bin/python3 /usr/local/lib/load.py
"""
_UNIT = """\
[Unit]
Description=Handles events

[Service]
Type=notify
ExecStart=/usr/sbin/telemetryd
User=daemon
NoNewPrivileges=yes
MemoryDenyWriteExecute=yes
PrivateTmp=yes
ProtectSystem=strict
Restart=always

[Install]
WantedBy=multi-user.target
"""


def build(folder: Path) -> dict[str, Path]:
    """The packages, by name and version: C(libtelemetry1_1.0)."""
    made = {}
    for version, words in ((LEAKING, ()), (FIXED, ("-DFIXED",))):
        root = folder / version
        library = root / "usr/lib/x86_64-linux-gnu/libtelemetry.so.1"
        _compile(library, "history.cpp", "-shared", "-fPIC", "-Wl,-soname,libtelemetry.so.1", *words)
        made[f"{LIBRARY}_{version}"] = _package(folder, root, LIBRARY, version)
    root = folder / SERVICE
    leaking = folder / LEAKING / "usr/lib/x86_64-linux-gnu/libtelemetry.so.1"
    _compile(root / "usr/sbin/telemetryd", "telemetryd.cpp", str(leaking))
    (root / "lib/systemd/system").mkdir(parents=True)
    (root / "lib/systemd/system" / UNIT).write_text(_UNIT)
    made[f"{SERVICE}_{LEAKING}"] = _package(folder, root, SERVICE, LEAKING, f"Depends: {LIBRARY}\n")
    return made


def offer(machine: Machine, packages: list[Path]) -> None:
    """Put packages into the machine's own repository, the only one that its apt knows."""
    files = {f"{_REPOSITORY}/{package.name}": package.read_bytes() for package in packages}
    listed = machine.ssh(f"cat {_REPOSITORY}/Packages 2> /dev/null || true").stdout
    files[f"{_REPOSITORY}/Packages"] = (listed + "".join(_entry(package) for package in packages)).encode()
    files["/etc/apt/sources.list"] = f"deb [trusted=yes] file:{_REPOSITORY} ./\n".encode()
    put(machine, files)


def install(machine: Machine, packages: dict[str, Path]) -> None:
    """The service with the library that leaks, under load."""
    offer(machine, [packages[f"{LIBRARY}_{LEAKING}"], packages[f"{SERVICE}_{LEAKING}"]])
    units = {"/usr/local/lib/load.py": _LOAD.encode(), "/etc/systemd/system/load.service": _LOAD_UNIT.encode()}
    put(machine, units)
    machine.ssh(
        f"apt-get -qq update && apt-get -qq install -y {SERVICE} > /dev/null 2>&1 && systemctl daemon-reload"
        f" && systemctl start {UNIT} load",
        timeout=180,
    )


def put(machine: Machine, files: dict[str, bytes]) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path, content in files.items():
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    text = base64.encodebytes(gzip.compress(archive.getvalue())).decode()
    machine.ssh("base64 -d | tar -C / -xz", stdin=text)


def _compile(target: Path, *words: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    source, *rest = words
    named = f"-ffile-prefix-map={_SOURCES}=/build/telemetry"
    run("g++", "-g", "-O1", "-Wall", "-Wextra", "-Werror", named, "-o", target, _SOURCES / source, *rest)


def _package(folder: Path, root: Path, name: str, version: str, more: str = "") -> Path:
    (root / "DEBIAN").mkdir()
    (root / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: amd64\nMaintainer: The lab <root@localhost>\n{more}"
        f"Description: {name} of the lab\n"
    )
    path = folder / f"{name}_{version}_amd64.deb"
    run("dpkg-deb", "--root-owner-group", "--build", root, path)
    return path


def _entry(package: Path) -> str:
    """A paragraph of the file Packages."""
    control = run("dpkg-deb", "--field", package).stdout
    content = package.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return f"{control}Filename: ./{package.name}\nSize: {len(content)}\nSHA256: {digest}\n\n"
