# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices that answer whatever they like: the real answers of ``fixtures/answers``, mutated at thousands of places.

Whatever one says, this run has a record of it, or says why not, and the report of the fleet can be made. Longer, and
of another seed::

    HOSTILE_SECONDS=3600 HOSTILE_SEED=7 .venv/bin/pytest -q tests/unit/plugins/action/test_hostile_device.py

A failure names the answer that it was of, as C(NAME of SEED/NUMBER); its bytes are in a file that it names.
"""

from __future__ import annotations

import csv
import inspect
import json
import os
import re
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any
from unittest.mock import MagicMock
from xml.etree import ElementTree

import pytest
from ansible.module_utils.common.text.converters import to_text
from unit import mutations

from ansible_collections.lifeboat.oom.plugins.action import audit, fleet_report
from ansible_collections.lifeboat.oom.plugins.module_utils._health.collector import ARGUMENTS, collect, questions
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.location import open_history
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import load_record
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.run_id import this_run
from ansible_collections.lifeboat.oom.plugins.plugin_utils._collect.bare.snapshot import Snapshot

ANSWERS = Path(__file__).resolve().parents[2] / "fixtures/answers"
SECONDS, SEED = int(os.environ.get("HOSTILE_SECONDS", "0")), os.environ.get("HOSTILE_SEED", "lifeboat")
# ansible-test asks whether other Pythons answer the same, many times over.
ANSWERS_OF_EACH = 20 if "ansible_pytest_collections" in os.environ.get("PYTEST_PLUGINS", "") else 150
# So many share a report, and some a name: a host has a past of nonsense, too.
A_FLEET, HOSTS = 75, 30
# Of processor time; a look at the untouched answer takes some hundredths of one.
MOST_SECONDS = 20.0
UNITS = ["vital.service", "getty@.service"]
DECLARED = {
    "overcommit": {"mode": "never", "ratio": 50},
    "reaction": {"panic_on_oom": "no"},
    "services": {"services": [{"name": UNITS[0], "oom_score_adj": -500}, {"name": UNITS[1], "oom_score_adj": 300}]},
}


class TooMuchWork(BaseException):
    """An answer that buys the time of the controller. Nothing that handles errors may take it for one."""


class Device(audit.ActionModule):
    """An audit of a host whose connection gives these bytes: of the script, and with a Python of the module."""

    def __init__(self, arguments: dict[str, Any], printed: bytes, module: bytes | None) -> None:
        task = MagicMock(args=arguments, async_val=0, check_mode=False, delegate_to=None)
        super().__init__(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), MagicMock())
        self._printed, self._module = printed, module

    def _low_level_execute_command(self, _command: str, in_data: bytes = b"") -> dict[str, Any]:
        has_python = self._module is not None and b"@python" in in_data
        said = b"@python\n" if has_python else self._printed
        return {"rc": 0, "stderr": "\x1b[2J", "stdout": to_text(said, errors="surrogate_then_replace")}

    def _execute_module(self, *_arguments: Any, **_options: Any) -> dict[str, Any]:
        said = {"rc": 0, "stderr": "", "stdout": to_text(self._module, errors="surrogate_then_replace")}
        profile = ["legacy"][: len(inspect.signature(self._parse_returned_data).parameters) - 1]
        found: dict[str, Any] = self._parse_returned_data(said, *profile)
        return found


def printed_by(device: str) -> str:
    return (ANSWERS / f"{device}.txt").read_text(encoding="utf-8")


def declared_for(device: str) -> dict[str, Any]:
    """BusyBox has no systemd, and can have no scores."""
    return DECLARED if device == "debian-12" else {**DECLARED, "services": {}}


def module_of(device: str) -> dict[str, Any]:
    """What the module would have said on that device, at that moment."""
    options = {name: spec.get("default") for name, spec in ARGUMENTS.items()}
    options["units"] = UNITS if device == "debian-12" else []
    facts = collect(Snapshot(printed_by(device)), questions(options)).as_facts()
    return {"changed": False, "ansible_facts": {"memory_health": {**facts, "collector": "native"}}, "invocation": {}}


@contextmanager
def bounded() -> Iterator[None]:
    def ring(_number: int, _frame: FrameType | None) -> None:
        raise TooMuchWork

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def audit_of(report: Path, host: str, device: str, printed: bytes, module: bytes | None) -> dict[str, Any]:
    """Audit the host, and hold the audit to what it promises."""
    arguments = {"report_dir": str(report), "declared": declared_for(device)}
    with bounded():
        found = Device(arguments, printed, module).run(None, {"inventory_hostname": host, "group_names": ["g"]})
    assert not found.get("failed")
    json.dumps(found, allow_nan=False).encode()
    assert all(line.isprintable() for line in found["summary"])
    path = Path(found["record"])
    said = len(printed) + len(module or b"")
    assert path.stat().st_size < (2 << 20) + 20 * said, "the record is larger than what was said"
    kept = load_record(path)
    assert (kept.host, kept.run) == (host, this_run())
    if kept.state is None:
        assert kept.error is not None
        assert kept.error.isprintable()
        # Whatever was not foreseen is told by the name of its error.
        assert not re.match(r"\w+(Error|Exception|Exit): ", kept.error), kept.error
    else:
        strict(path.read_text(encoding="utf-8"))
    return found


def strict(text: str) -> Any:
    """What any program reads as JSON, without the numbers that only Python knows."""

    def refuse(word: str) -> None:
        raise ValueError(word)

    return json.loads(text, parse_constant=refuse)


class Page(HTMLParser):
    """A page on which no text of a device has become markup."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not any(name.startswith("on") for name, _value in attrs)
        self.scripts += tag == "script"


def report_of(report: Path, hosts: list[str]) -> None:
    """Make the report of the fleet, and read it as those do whom it is for."""
    task = MagicMock(args={"report_dir": str(report), "fail_on": "critical"}, async_val=0, check_mode=False)
    action = fleet_report.ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), MagicMock())
    variables = {"ansible_play_batch": hosts, "hostvars": {host: {"group_names": []} for host in hosts}}
    with bounded():
        found = action.run(None, variables)
    assert not found.get("warnings")
    assert all(line.isprintable() for line in found["summary"])
    rows = {row["host"]: row for row in strict((report / "fleet.json").read_text(encoding="utf-8"))["hosts"]}
    assert set(rows) == set(hosts)
    bad = {host for host, row in rows.items() if row["level"] in ("critical", "not audited")}
    assert set(found["crossed"]) == bad
    suites = ElementTree.parse(report / "junit.xml").getroot()
    assert {suite.get("name") for suite in suites} == set(hosts)
    with (report / "findings.csv").open(encoding="utf-8", newline="") as stream:
        cells = [cell for line in csv.reader(stream) for cell in line]
    assert not [cell for cell in cells if cell.lstrip().startswith(("=", "+", "@"))]
    for line in (report / "lifeboat_oom.prom").read_text(encoding="utf-8").splitlines():
        assert re.fullmatch(r'# .*|\w+(\{(\w+="[^"\\]*",?)*\})? -?\d+(\.\d+)?(e[+-]?\d+)?', line), line
    for path in (report / "index.html", report / "hosts.html", *(report / "pages").iterdir()):
        Page(path.read_text(encoding="utf-8"))
    with open_history(report) as history:
        assert any(history.past(host).audits for host in hosts)


def answers(collector: str, device: str) -> Iterator[tuple[str, bytes, bytes | None]]:
    """A name for each, what the script prints, and what the module does."""
    plain, module = printed_by(device), module_of(device)
    end, number = time.monotonic() + SECONDS, 0
    while time.monotonic() < end if SECONDS else number < ANSWERS_OF_EACH:
        name = f"{SEED}/{number}"
        chance = Random(f"{collector} {device} {name}")
        if collector == "bare":
            yield name, mutations.bare(plain, chance), None
        else:
            yield name, plain.encode(), mutations.native(module, chance)
        number += 1


@pytest.mark.parametrize("device", ["debian-12", "busybox"])
@pytest.mark.parametrize("collector", ["native", "bare"])
def test_whatever_a_device_says_its_audit_ends_with_a_record_and_a_report(
    tmp_path: Path, collector: str, device: str
) -> None:
    plain = printed_by(device).encode()
    report = tmp_path / "report"
    for number, (name, printed, module) in enumerate(answers(collector, device)):
        try:
            audit_of(report, f"h{number % HOSTS}", device, printed, module)
            if number % A_FLEET == A_FLEET - 1:
                report_of(report, [f"h{each}" for each in range(HOSTS)])
                shutil.rmtree(report)
        except BaseException as error:
            kept = tmp_path / "answer"
            kept.write_bytes(printed if module is None else module)
            error.add_note(f"{collector} {device} of {name}: {kept}")
            raise
    well = audit_of(report, "h0", device, plain, None)
    assert not [finding for finding in well["findings"] if finding["id"].startswith("audit.")]
