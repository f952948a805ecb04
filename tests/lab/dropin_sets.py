# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random units with random drop-ins, many to a batch, as files to be unpacked on a device."""

from __future__ import annotations

import base64
import io
import random
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.dropins import SEARCH_PATH, DropIn

ETC = "/etc/systemd/system"
# The manager empties the generators' folders at each reload, so a generator copies these trees there.
GENERATOR = "/etc/systemd/system-generators/lifeboat-test"
STAGE = "/var/lib/lifeboat-test"
STAGED = {f"/run/systemd/{name}": f"{STAGE}/{name}" for name in ("generator", "generator.early", "generator.late")}
_COPY = f"""#!/bin/sh
copy() {{ [ ! -d "$1" ] || cp -a "$1/." "$2/"; }}
copy {STAGE}/generator "$1"; copy {STAGE}/generator.early "$2"; copy {STAGE}/generator.late "$3"
"""

# On the machine /lib is a link to /usr/lib, so that these are one folder.
_ROOTS = [root for root in SEARCH_PATH if root != "/lib/systemd/system"]
_OFTEN = [ETC, "/run/systemd/system", "/usr/lib/systemd/system"]
_NAMES = [
    *("10-a.conf", "50-a.conf", "50-b.conf", "99-vendor.conf", "override.conf", "zz-lifeboat-oom.conf"),
    *(
        "5.conf",
        "100.conf",
        "Z.conf",
        "\u00e9.conf",
        "two words.conf",
        "-.conf",
        ".hidden.conf",
        "60.conf~",
        "60.txt",
    ),
]
_TYPICAL = _NAMES[:6]

MASK = None  # a link to /dev/null


@dataclass(frozen=True)
class Case:
    """One set: a unit, how it is asked for, and every file that could have a say in it."""

    ask: str
    fragment: str
    files: Mapping[str, bytes | None]  # path → content, MASK for a link to /dev/null
    links: Mapping[str, str] = field(default_factory=dict)  # aliases: path → target


@dataclass(frozen=True)
class Batch:
    """Sets that share one reload and the folders of their type (C(service.d))."""

    cases: tuple[Case, ...]
    shared: Mapping[str, bytes | None]

    def dropins(self, case: Case) -> list[DropIn]:
        found = {**self.shared, **case.files}
        return [dropin(path, content) for path, content in found.items() if path != case.fragment]

    def paths(self) -> list[str]:
        """Every path that the archive brings."""
        files = [path for found in [self.shared, *(case.files for case in self.cases)] for path in found]
        return [GENERATOR, *map(_staged, files), *(path for case in self.cases for path in case.links)]

    def archive(self) -> str:
        """All files as a tar archive in base64, to be unpacked in the root folder."""
        raw = io.BytesIO()
        with tarfile.open(fileobj=raw, mode="w") as tar:
            _add(tar, GENERATOR, _COPY.encode(), mode=0o755)
            for files in [self.shared, *(case.files for case in self.cases)]:
                for path, content in files.items():
                    _add(tar, _staged(path), content)
            for case in self.cases:
                for path, target in case.links.items():
                    _add(tar, path, None, target)
        return base64.b64encode(raw.getvalue()).decode()


def dropin(path: str, content: bytes | None) -> DropIn:
    return DropIn(path, None if content is MASK else content.decode("utf-8", "surrogateescape"))


def batch(seed: int, size: int) -> Batch:
    """The same batch for the same seed, on every machine."""
    rng = random.Random(seed)
    cases = tuple(_case(rng, f"lb{seed}n{number}") for number in range(size))
    shared = _files(rng, ["service.d", "socket.d"], [(ETC, "service.d")], "Service", rng.randint(0, 4))
    return Batch(cases, shared)


def _case(rng: random.Random, stem: str) -> Case:
    """The stem begins every name in the set, so that no set reaches into another."""
    base = stem + rng.choice(["", "-web", "-web", "-web-front", "--x", "-web-", "-a---b"])
    shape = rng.choice(["plain", "plain", "plain", "instance", "instance", "aliased", "aliased instance", "socket"])
    kind = "socket" if shape == "socket" else "service"
    at, instance = ("@", rng.choice(["one", "in-st", "a@b", "1.2"])) if "instance" in shape else ("", "")
    unit, fragment = f"{base}{at}{instance}.{kind}", f"{base}{at}.{kind}"
    links, stems = {}, [base]
    if "aliased" in shape:
        for alias in rng.sample([f"{stem}-old", f"{stem}y", f"{stem}-web-old", f"{stem}zz-b"], rng.randint(1, 3)):
            links[f"{ETC}/{alias}{at}.{kind}"] = f"{fragment}"
            stems.append(alias)
    section = kind.capitalize()
    folders = [name for one in stems for name in _folders(stem, one, at, instance, kind)]
    always = [(ETC, f"{one}{at}{instance}.{kind}.d") for one in stems]
    files = _files(rng, folders, always, section, rng.randint(1, 9) + 2 * len(links))
    start = b"ExecStart=/bin/true" if kind == "service" else b"ListenStream=/run/" + stem.encode()
    body = b"\n".join(_assignment(rng) for _line in range(rng.randint(0, 2)))
    files[f"{ETC}/{fragment}"] = b"[%s]\n%s\n%s\n" % (section.encode(), start, body)
    ask = rng.choice([unit, *(f"{alias}{at}{instance}.{kind}" for alias in stems[1:])])
    return Case(ask, f"{ETC}/{fragment}", files, links)


def _folders(stem: str, base: str, at: str, instance: str, kind: str) -> list[str]:
    """Folders that may apply to the unit, and some that look as if they did: the model must tell which."""
    cut = [base[: place + 1] for place, letter in enumerate(base) if letter == "-"]
    names = [f"{base}{at}{instance}", f"{base}{at}{instance}", f"{base}{at}", base, *cut]
    names += [f"{one}@{instance}" for one in cut] + [f"{one}@" for one in cut]
    names += [stem, stem + "-", base + "-", base[:-1] if len(base) > len(stem) else base + "x"]
    return [f"{name}.{kind}.d" for name in names if name.startswith(stem)]


def _files(
    rng: random.Random, folders: list[str], always: list[tuple[str, str]], section: str, count: int
) -> dict[str, bytes | None]:
    found: dict[str, bytes | None] = {}
    for _number in range(count):
        root, folder = rng.choice([(rng.choice(_OFTEN + _ROOTS), rng.choice(folders)), rng.choice(always)])
        name = rng.choice(_NAMES + _TYPICAL * 3)
        found[f"{root}/{folder}/{name}"] = MASK if rng.random() < 0.12 else _content(rng, section)
    return found


def _content(rng: random.Random, section: str) -> bytes:
    lines = [rng.choice([section, section, section, section, section.lower(), "Unit", f" {section} "]).encode()]
    lines[0] = b"[" + lines[0] + b"]"
    for _line in range(rng.choice([0, 1, 1, 1, 2, 3, 5])):
        lines.append(_assignment(rng) if rng.random() < 0.7 else _noise(rng, section.encode()))
    text = rng.choice([b"\n", b"\n", b"\n", b"\r\n", b"\r"]).join(lines)
    bom = b"\xef\xbb\xbf" if rng.random() < 0.05 else b""
    return bom + text + rng.choice([b"\n", b"\n", b"\n", b""])


def _assignment(rng: random.Random) -> bytes:
    key, values = rng.choice([_SCORE, _SCORE, _SCORE, _POLICY, _MEMORY_MIN, _MEMORY_LOW, _PREFERENCE])
    value = rng.choice([str(rng.randint(-1000, 1000)), *values]) if key == "OOMScoreAdjust" else rng.choice(values)
    equals = rng.choice(["=", "=", "=", " = ", "=\\\n", " \\\n# note\n =", "\t=\t"])
    return f"{rng.choice(['', '', ' '])}{key}{equals}{value}{rng.choice(['', '', ' '])}".encode()


def _noise(rng: random.Random, section: bytes) -> bytes:
    return rng.choice(
        [
            *(
                b"# OOMScoreAdjust=1",
                b"; OOMScoreAdjust=2 \\",
                b"",
                b"Nice=0",
                b"oomscoreadjust=3",
                b"=4",
                b"junk",
            ),
            *(b"[%s]" % section, b"[Unit]", b"[X-Ours]", b"[broken", b"[%s] # no" % section, b"[]"),
            *(b"# \xff", b"Nice=\xff", b"OOMScoreAdjust=\\", b"OOMScoreAdjust=5 \\\\", b".include /etc/x"),
        ]
    )


_SCORE = (
    "OOMScoreAdjust",
    ["", "", "-1001", "1001", "ten", "0x64", "-0144", "09", "+7", "0b101", '"8"', "1 # one"],
)
_POLICY = ("OOMPolicy", ["", "stop", "continue", "kill", "Kill", "none"])
_MEMORY_MIN = (
    "MemoryMin",
    ["", "0", "64M", "1.5G", "1G 512M", "infinity", "-1", "8 M", "1K1K", "200%", "2^9", "16E"],
)
_MEMORY_LOW = ("MemoryLow", _MEMORY_MIN[1])
_PREFERENCE = ("ManagedOOMPreference", ["", "none", "avoid", "omit", "Omit", "kill"])


def _staged(path: str) -> str:
    for root, stage in STAGED.items():
        if path.startswith(root + "/"):
            return stage + path[len(root) :]
    return path


def _add(tar: tarfile.TarFile, path: str, content: bytes | None, target: str = "/dev/null", mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(path.lstrip("/"))
    entry.mode = mode
    if content is None:
        entry.type, entry.linkname = tarfile.SYMTYPE, target
        tar.addfile(entry)
    else:
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
