# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is run for an ansible-core: its sanity tests, its unit tests, and the shipped code on a device's Python."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from .environments import CHECKOUT, Core, home_for, path_of, run

DEVICE_PLAY = Path(__file__).with_name("device.yml")


@dataclass(frozen=True)
class Outcome:
    """What came of one gate; I(log) is what it printed, for one that failed."""

    series: str
    gate: str
    python: str
    state: str  # passed, failed or skipped
    said: str
    log: str = ""


def copy_collection(folder: Path) -> Path:
    """A copy of what git knows of the checkout, where ansible-test wants to have it, a repository of its own."""
    target = folder / "ansible_collections/lifeboat/oom"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        source = CHECKOUT / name
        if source.exists() and not name.startswith("collections/"):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name, follow_symlinks=False)
    run(["git", "init", "--quiet"], target)
    run(["git", "add", "--all"], target)
    return target


def sanity(core: Core, version: str, bins: Sequence[Path], collection: Path, only: bool = False) -> list[Outcome]:
    """All sanity tests that run without a container, on all Pythons in these folders or I(only) on that one.

    What they skip is an outcome of its own.
    """
    words = ["sanity", "--local", "--color", "no", *(["--python", version] if only else [])]
    code, log = _ansible_test(words, bins, collection)
    ran = set(re.findall(r'^Running sanity test "([^"]+)"', log, re.MULTILINE))
    state, said = ("failed", "") if code else ("passed", f"{len(ran)} tests")
    outcomes = [Outcome(core.series, "sanity", version, state, said, log if code else "")]
    skipped = re.findall(r'Skipping sanity test "([^"]+)"(?: on Python ([\d.]+))?(.*)', log)
    outcomes += [
        Outcome(core.series, f"sanity {test}", on, "skipped", why.removeprefix(" because").strip(" ."))
        for test, on, why in dict.fromkeys(skipped)
    ]
    return outcomes


def units(core: Core, version: str, bins: Sequence[Path], collection: Path) -> Outcome:
    """All unit tests on a Python of a controller, those of the shipped code on one that only devices have."""
    words = ["units", "--local", "--color", "no", "--num-workers", "2", "--python", version]
    if version not in core.controllers:
        words.append("tests/unit/plugins/module_utils/")
    junit = collection / "tests/output/junit"
    shutil.rmtree(junit, ignore_errors=True)
    code, log = _ansible_test(words, bins, collection)
    count = sum(_tests(report) for report in junit.glob("*.xml"))
    what = "all" if version in core.controllers else "shipped code"
    if code or not count:
        return Outcome(core.series, "units", version, "failed", what, log)
    return Outcome(core.series, "units", version, "passed", f"{count} tests, {what}")


def _tests(report: Path) -> int:
    suites = ElementTree.parse(report).getroot().iter("testsuite")
    return sum(int(suite.get("tests", 0)) - int(suite.get("skipped", 0)) for suite in suites)


def on_device_pythons(core: Core, version: str, pythons: dict[str, Path], collection: Path) -> Iterator[Outcome]:
    """Modules called for real, this machine the device, with each of these interpreters; nothing is changed."""
    bin_ = core.environment(version)
    assert bin_ is not None
    hosts = {
        f"python-{number}": {"ansible_connection": "local", "ansible_python_interpreter": str(path)}
        for number, path in pythons.items()
    }
    inventory = collection.parent / "devices.json"
    inventory.write_text(json.dumps({"all": {"hosts": hosts}}), encoding="utf-8")
    environment = {
        **_plain_environment(),
        "PATH": path_of([bin_]),
        "ANSIBLE_COLLECTIONS_PATH": str(collection.parents[2]),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_DEPRECATION_WARNINGS": "0",
        "ANSIBLE_FORKS": "2",
    }
    words = ["ansible-playbook", "-i", str(inventory), "-e", "report_dir=oom-report", str(DEVICE_PLAY)]
    done = subprocess.run(
        words,
        cwd=collection.parent,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    for number in pythons:
        recap = re.search(rf"^python-{re.escape(number)} +: ok=(\d+) .*unreachable=0 +failed=0 ", done.stdout, re.M)
        state, said = ("passed", f"{recap[1]} tasks") if recap else ("failed", "")
        yield Outcome(core.series, "device", number, state, said, "" if recap else done.stdout + done.stderr)


def _plain_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHON", "PYTEST"))}


def _ansible_test(words: Sequence[str], bins: Sequence[Path], collection: Path) -> tuple[int, str]:
    environment = {**_plain_environment(), "PATH": path_of(bins), "HOME": str(home_for(bins[0]))}
    done = subprocess.run(
        [bins[0] / "ansible-test", *words],
        cwd=collection,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    return done.returncode, done.stdout
