# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs this checkout's collection on lab machines with the ansible-core beside our Python."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .process import LEASH, LabError
from .uml import Lab, Machine

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class TaskResult:
    """What one task gave on one host; status is ok, failed, skipped or unreachable."""

    host: str
    task: str
    status: str
    result: dict[str, Any]

    @property
    def changed(self) -> bool:
        return bool(self.result.get("changed"))


@dataclass(frozen=True)
class Run:
    """An Ansible command that has ended: its output for people, and its results for the test."""

    returncode: int
    stdout: str
    stderr: str
    results: tuple[TaskResult, ...]

    @property
    def changed(self) -> list[TaskResult]:
        return [result for result in self.results if result.changed]

    def of(self, task: str, host: str | None = None) -> TaskResult:
        """The result of the one task with this name (and host)."""
        found = [each for each in self.results if each.task == task and host in (None, each.host)]
        if len(found) != 1:
            raise LabError(f"{len(found)} results of task {task!r}, not one:\n{self.stdout}{self.stderr}")
        return found[0]


@dataclass(frozen=True)
class Ansible:
    """Ansible as a user runs it: from the checkout, with its ansible.cfg, over ssh."""

    lab: Lab

    def playbook(
        self,
        playbook: str | Path | Sequence[Mapping[str, Any]],
        devices: Sequence[Machine],
        *arguments: str,
        variables: Mapping[str, Any] | None = None,
        host_variables: Mapping[str, Mapping[str, Any]] | None = None,
        check: bool = False,
        diff: bool = False,
        timeout: float = 600,
    ) -> Run:
        """Run a playbook by name (``lifeboat.oom.site``), by path, or given as a list of plays.

        The variables go to the inventory: for all devices, and for each by its name.
        """
        with self._workshop() as folder:
            if not isinstance(playbook, str | Path):
                (folder / "playbook.json").write_text(json.dumps(list(playbook)))
                playbook = folder / "playbook.json"
            inventory = self.lab.inventory(devices, variables, host_variables)
            words = ["ansible-playbook", *_modes(check, diff), *arguments, str(playbook)]
            return self._run(words, folder, inventory, timeout)

    def module(
        self,
        device: Machine,
        name: str,
        args: Mapping[str, Any] | None = None,
        *,
        check: bool = False,
        diff: bool = False,
        timeout: float = 120,
    ) -> dict[str, Any]:
        """Run one module (of lifeboat.oom, unless the name has dots) and return its whole result.

        It always has ``failed`` and ``changed``. That there is no result is a LabError.
        """
        full_name = name if "." in name else f"lifeboat.oom.{name}"
        with self._workshop() as folder:
            words = ["ansible", *_modes(check, diff), device.name, "-m", full_name]
            words += ["-a", json.dumps(args)] if args else []
            run = self._run(words, folder, self.lab.inventory([device]), timeout)
        if len(run.results) != 1 or run.results[0].status == "unreachable":
            raise LabError(f"{full_name} on {device.name} gave no result:\n{run.stdout}{run.stderr}")
        (only,) = run.results
        return {"changed": False, **only.result, "failed": only.status == "failed"}

    @contextlib.contextmanager
    def _workshop(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="ansible-", dir=self.lab.folder) as folder:
            yield Path(folder)

    def _run(self, words: list[str], folder: Path, inventory: str, timeout: float) -> Run:
        (folder / "inventory.yml").write_text(inventory)
        results = folder / "results"
        results.touch()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        environment |= {
            "PATH": f"{Path(sys.executable).parent}:{environment['PATH']}",
            "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
            "ANSIBLE_INVENTORY": str(folder / "inventory.yml"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).parent / "callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "lab_results",
            "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",  # for ad-hoc commands too
            "LAB_RESULTS": str(results),
        }
        returncode, stdout, stderr = _run_to_the_end([*LEASH, *words], environment, timeout)
        lines = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
        return Run(returncode, stdout, stderr, tuple(TaskResult(**line) for line in lines))


def _modes(check: bool, diff: bool) -> list[str]:
    return ["--check"] * check + ["--diff"] * diff


def _run_to_the_end(words: list[str], environment: dict[str, str], timeout: float) -> tuple[int, str, str]:
    """Run in a process group of its own, so that an end before time takes Ansible's workers along."""
    with subprocess.Popen(
        words,
        cwd=CHECKOUT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            stdout, stderr = process.communicate(timeout=timeout)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        return process.returncode, stdout, stderr
