# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from unit.audits import FINDING, down, found_on, row
from unit.hostile import HOSTILE
from unit.samples import oom_event, process

from ansible_collections.lifeboat.oom.plugins.module_utils._health.kernel_log import HostEvent
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import Victim
from ansible_collections.lifeboat.oom.plugins.module_utils._plan import Change
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import FiledRow
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import LEVELS, Row, row_of
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.catalogue import LEAK_PACKAGE
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.finding import Thresholds
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.exports import (
    CSV_COLUMNS,
    FindingsCsv,
    FleetJson,
    Junit,
    Prometheus,
)

NOW = "2026-05-04T03:02:01+00:00"
METRIC = re.compile(r'lifeboat_oom_\w+(?:\{\w+="(?:[^"\\]|\\.)*"(?:,\w+="(?:[^"\\]|\\.)*")*\})? (-?[0-9.e+-]+)')


def kill(name: str = "a") -> HostEvent:
    return oom_event(unit=f"{name}.service", timestamp=NOW, victims=(Victim(5, comm=name),))


DOWN = row_of(down("db"))
ROWS = (row("fine"), row("bad", policy={"mode": "always"}, events=(kill(),)), DOWN)


def hostile(text: str) -> Row:
    texts = dict.fromkeys(("id", "subject", "observed", "expected", "message", "remedy"), text)
    found = found_on(text, replace(FINDING, **texts), processes=(process(comm=text, unit=text),))
    return row_of(replace(found, drift=(Change(*[text] * 6),), groups=(text,)))


def written(make: Callable[[io.StringIO], Any], *rows: Row) -> str:
    stream = io.StringIO()
    export = make(stream)
    for each in rows:
        export.add(each)
    export.finish()
    return stream.getvalue()


def fleet_json(*rows: Row) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(fleet_text(*rows))
    return found


def fleet_text(*rows: Row) -> str:
    stream = io.StringIO()
    fleet = FleetJson(stream, NOW)
    for each in rows:
        fleet.add(FiledRow(Path(), each, json.dumps(asdict(each))))
    fleet.finish()
    return stream.getvalue()


def findings_csv(*rows: Row) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(written(FindingsCsv, *rows))))


def junit(*rows: Row) -> ElementTree.Element:
    return ElementTree.fromstring(written(Junit, *rows))


def metrics(*rows: Row) -> str:
    return written(lambda stream: Prometheus(stream, NOW), *rows)


def test_fleet_json_has_every_row_and_the_totals() -> None:
    found = fleet_json(*ROWS)
    assert (found["schema"], found["made_at"]) == (1, NOW)
    assert found["hosts"] == json.loads(json.dumps([asdict(each) for each in ROWS]))
    levels = {**dict.fromkeys(LEVELS, 0), "fine": 1, "warning": 1, "not audited": 1}
    assert found["totals"] == {"hosts": 3, "levels": levels}
    assert fleet_json()["hosts"] == []


def test_fleet_json_can_be_read_line_by_line() -> None:
    lines = fleet_text(*ROWS).splitlines()
    assert [json.loads(line.rstrip(","))["host"] for line in lines[1:-1]] == ["fine", "bad", "db"]


def test_each_finding_and_each_drift_is_a_line() -> None:
    found = findings_csv(*ROWS)
    assert [(line["host"], line["kind"], line["severity"], line["id"]) for line in found] == [
        ("bad", "finding", "warning", "oom.recent_kill"),
        ("bad", "drift", "warning", "drift.runtime"),
        ("bad", "drift", "warning", "drift.file"),
        ("db", "finding", "critical", "audit.unreachable"),
    ]
    drift = found[2]
    assert (drift["subject"], drift["observed"], drift["expected"]) == ("kernel vm.overcommit_memory", "not set", "1")
    assert set(drift) == set(CSV_COLUMNS)


def test_findings_of_the_fleet_are_of_no_host() -> None:
    leak = LEAK_PACKAGE.found(Thresholds(), "a.service: a 1", "=3 hosts\nleak")
    stream = io.StringIO()
    export = FindingsCsv(stream)
    export.add(ROWS[1])
    export.finish([leak])
    last = list(csv.DictReader(io.StringIO(stream.getvalue())))[-1]
    assert (last["host"], last["kind"], last["id"]) == ("", "finding", "leak.package_version")
    assert last["observed"] == "'=3 hosts\\nleak"
    stream = io.StringIO()
    fleet = FleetJson(stream, NOW)
    fleet.finish([leak])
    (found,) = json.loads(stream.getvalue())["findings"]
    assert (found["id"], found["subject"], found["severity"]) == ("leak.package_version", "a.service: a 1", "warning")
    assert found["observed"].isprintable()
    assert fleet_json()["findings"] == []


def test_each_host_is_a_suite() -> None:
    suites = {suite.get("name"): suite for suite in junit(*ROWS)}
    numbers = {
        name: [int(suite.get(key, -1)) for key in ("tests", "failures", "errors")] for name, suite in suites.items()
    }
    assert numbers == {"fine": [1, 0, 0], "bad": [3, 3, 0], "db": [1, 0, 1]}
    assert [case.get("name") for case in suites["fine"]] == ["nothing found"]
    failure = suites["bad"][0].find("failure")
    assert failure is not None
    assert failure.get("type") == "warning"
    assert "observed: killed" in str(failure.text)
    assert suites["db"][0].find("error") is not None


def test_what_is_only_informative_passes() -> None:
    found = row_of(found_on("a", replace(FINDING, severity="info", message="by the way")))
    (suite,) = junit(found)
    assert (suite.get("tests"), suite.get("failures")) == ("1", "0")
    assert "by the way" in str(suite[0].findtext("system-out"))


def test_metrics_come_together_with_their_type() -> None:
    lines = metrics(*ROWS, *ROWS[:1]).splitlines()
    names = [re.split(r"[ {]", line)[2 if line.startswith("#") else 0] for line in lines]
    # The format wants each metric in one block.
    assert len(set(names)) == len([name for name, before in zip(names, [None, *names], strict=False) if name != before])
    assert 'lifeboat_oom_memory_available_bytes{host="fine"} 2048000000' in lines
    assert 'lifeboat_oom_findings{host="bad",severity="warning"} 1' in lines
    assert 'lifeboat_oom_up{host="db"} 0' in lines
    assert 'lifeboat_oom_hosts{level="fine"} 2' in lines
    assert "# TYPE lifeboat_oom_kills_total counter" in lines


def test_what_is_not_known_is_no_metric() -> None:
    assert "memory" not in "".join(line for line in metrics(DOWN).splitlines() if "host=" in line)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:20])
def test_hostile_text_harms_no_file(text: str) -> None:
    rows = (row("before"), hostile(text), row("after"))
    assert [each["host"] for each in fleet_json(*rows)["hosts"]] == [each.host for each in rows]
    lines = findings_csv(*rows)
    assert len(lines) == 2
    for line in lines:
        assert all(value.isprintable() for value in line.values())
        assert not any(value.lstrip().startswith(tuple("=+-@\uff1d")) for value in line.values())
    suites = junit(*rows)
    assert [suite.get("name") for suite in suites] == [each.host for each in rows]
    assert len(suites[1]) == 2
    for line in metrics(*rows).splitlines():
        assert line.startswith("# ") or METRIC.fullmatch(line), line
        assert len(line) < 600


def test_no_metric_is_told_twice() -> None:
    long = [replace(ROWS[0], host="w" * size) for size in (300, 301)]
    lines = metrics(ROWS[0], ROWS[0], *long).splitlines()
    samples = [line.rpartition(" ")[0] for line in lines if not line.startswith("#")]
    assert len(samples) == len(set(samples))
    assert sum('host="fine"' in line for line in samples) == sum('host="www' in line for line in samples) > 3
