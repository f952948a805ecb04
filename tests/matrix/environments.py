# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The series of ansible-core, and virtual environments for them below .envs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .pythons import CONTROLLER_MINIMUM, find, number

CHECKOUT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = CHECKOUT / ".envs"
# What ansible-test wants for unit tests, and what ours import. Its pytest plugin is not for pytest 9.
TEST_PACKAGES = ("mock", "pytest<9", "pytest-mock", "pytest-xdist", "pyyaml", "hypothesis", "psutil")


class MatrixError(Exception):
    """The matrix itself cannot be run."""


@dataclass(frozen=True)
class Core:
    """A series of ansible-core with the Pythons that its ansible-test knows, as its makers list them."""

    series: str
    only_devices: tuple[str, ...]
    with_controller: tuple[str, ...]

    @property
    def devices(self) -> tuple[str, ...]:
        return (*self.only_devices, *self.with_controller)

    @property
    def controllers(self) -> tuple[str, ...]:
        """Those that this collection supports on the controller."""
        return tuple(version for version in self.with_controller if number(version) >= CONTROLLER_MINIMUM)

    def environment(self, version: str) -> Path | None:
        """The ``bin`` of an environment to run unit tests in, with ansible-core on a controller's Python.

        None where this machine has no such Python.
        """
        interpreter = find(version)
        if interpreter is None:
            return None
        if version in self.controllers:
            packages = (f"ansible-core=={self.series}.*", "jinja2", *TEST_PACKAGES)
            return python_environment(f"core-{self.series}-python-{version}", interpreter, packages)
        return python_environment(f"python-{version}", interpreter, TEST_PACKAGES)


CORES = (
    Core("2.17", ("3.7", "3.8", "3.9"), ("3.10", "3.11", "3.12")),
    Core("2.18", ("3.8", "3.9", "3.10"), ("3.11", "3.12", "3.13")),
    Core("2.19", ("3.8", "3.9", "3.10"), ("3.11", "3.12", "3.13")),
    Core("2.20", ("3.9", "3.10", "3.11"), ("3.12", "3.13", "3.14")),
    Core("2.21", ("3.9", "3.10", "3.11"), ("3.12", "3.13", "3.14")),
)


def run(words: Sequence[str | Path], folder: Path = CHECKOUT) -> None:
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MatrixError(f"{' '.join(map(str, words))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def python_environment(name: str, interpreter: Path, packages: Sequence[str]) -> Path:
    """The ``bin`` of a virtual environment with these packages (arguments of pip), made where it is not there."""
    folder = ENVIRONMENTS / name
    stamp, wanted = folder / "installed", "\n".join([str(interpreter), *packages])
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        run([interpreter, "-m", "venv", "--clear", folder])
        run([folder / "bin/python", "-m", "pip", "install", "--quiet", *packages])
        stamp.write_text(wanted, encoding="utf-8")
    return folder / "bin"


# ansible-test makes environments of its own with a script that it fetches from its makers' server.
# This one does the same with pip from the package index.
_BOOTSTRAP = """\
import sys
sys.path.insert(0, {wheel!r})
from pip._internal.cli.main import main
sys.exit(main(["install"] + [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]))
"""


def home_for(ansible_test: Path) -> Path:
    """A home for the ansible-test of this ``bin``, in which it finds what it would fetch."""
    home = ENVIRONMENTS / "home"
    cache, wheels = home / ".ansible/test/cache", ENVIRONMENTS / "pip"
    cache.mkdir(parents=True, exist_ok=True)
    (source,) = ansible_test.parent.glob("lib/python3.*/site-packages/ansible_test/_internal/python_requirements.py")
    for version in sorted(set(re.findall(r"pip='([\d.]+)'", source.read_text(encoding="utf-8")))):
        script = cache / f"get_pip_{version.replace('.', '_')}.py"
        if not script.exists():
            run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", wheels, f"pip=={version}"])
            (wheel,) = wheels.glob(f"pip-{version}-*.whl")
            script.write_text(_BOOTSTRAP.format(wheel=str(wheel)), encoding="utf-8")
    return home


def path_of(bins: Sequence[Path]) -> str:
    """A PATH with these first, and none of the folders in which a version manager answers for others."""
    rest = [folder for folder in os.environ["PATH"].split(os.pathsep) if "shims" not in Path(folder).parts]
    return os.pathsep.join([*map(str, bins), *rest])
