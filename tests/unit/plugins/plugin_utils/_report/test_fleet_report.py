# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from unit.audits import TREND, publish
from unit.audits import record as audit

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.location import (
    FILE,
    OptionalHistory,
    open_history,
)
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record import Record
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import RecordFiles
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import Row
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.finding import Thresholds
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report import fleet_report as report
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.fleet_report import EXPORTS
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.leaking_packages import LeakingPackages

NOW = 1_777_863_721
DAY = 86_400


def record(host: str, when: str = "2026-05-04T03:02:01+00:00") -> Record:
    return audit(host, when, {"mode": "always"})


def roll_up(folder: Path, now: int = NOW, see: Callable[[Row], None] = lambda row: None, **packages: Any) -> Path:
    files = RecordFiles(folder)
    with open_history(folder) as history:
        return report.roll_up(files, history, now, see, **packages)


def test_a_report_is_a_page_a_list_and_the_exports(tmp_path: Path) -> None:
    for host in ("a", "b"):
        publish(tmp_path, record(host))
    seen: list[str] = []
    page = roll_up(tmp_path, NOW, lambda row: seen.append(row.host))
    assert page == tmp_path / "index.html"
    assert seen == ["a", "b"]
    assert sorted(os.listdir(tmp_path)) == sorted(["index.html", "hosts.html", *EXPORTS, "hosts", "pages", FILE])
    assert [host["host"] for host in json.loads((tmp_path / "fleet.json").read_text())["hosts"]] == ["a", "b"]
    assert len(ElementTree.parse(tmp_path / "junit.xml").getroot()) == 2
    assert (tmp_path / "findings.csv").read_bytes().count(b"\r\n") == 5
    assert 'lifeboat_oom_up{host="a"} 1' in (tmp_path / "lifeboat_oom.prom").read_text()


def test_what_leaks_on_many_hosts_is_told_once(tmp_path: Path) -> None:
    leak = replace(TREND, unit="a<b>.service", package="a")
    for host in ("a", "b", "c"):
        trends = (leak, replace(leak, verdict="steady", unit="x"))
        RecordFiles(tmp_path).write(replace(record(host), trends=trends))
    text = roll_up(tmp_path).read_text()
    assert text.count("3 hosts leak (a, b, c), +1.0 MiB an hour in the middle") == 1
    assert "a&lt;b&gt;.service: a 1" in text
    assert [each["id"] for each in json.loads((tmp_path / "fleet.json").read_text())["findings"]] == [
        "leak.package_version"
    ]
    assert "leak.package_version" in (tmp_path / "findings.csv").read_text()
    few = LeakingPackages(Thresholds(leak_package_hosts=4))
    assert "The fleet as a whole" not in roll_up(tmp_path, packages=few).read_text()


def test_an_empty_spool_has_a_report_too(tmp_path: Path) -> None:
    assert "No host has been audited yet." in roll_up(tmp_path).read_text()


def test_a_report_can_be_made_again(tmp_path: Path) -> None:
    publish(tmp_path, record("a"))
    texts = []
    for _unused in range(2):
        roll_up(tmp_path)
        texts.append({name: (tmp_path / name).read_bytes() for name in ("index.html", *EXPORTS)})
    assert texts[0] == texts[1]


def test_a_page_of_a_host_is_made_where_it_is_missing_or_old(tmp_path: Path) -> None:
    for host in ("a", "b", "c", "d"):
        publish(tmp_path, record(host))
    pages, hosts = tmp_path / "pages", tmp_path / "hosts"
    (pages / "a.html").unlink()
    for name in ("b", "c", "d"):
        at = (pages / f"{name}.html").stat().st_mtime_ns
        (pages / f"{name}.html").write_text("kept")
        os.utime(pages / f"{name}.html", ns=(at, at))
    os.utime(pages / "b.html", (0, 0))
    # Another controller wrote it an hour ago, and it was copied here now.
    os.utime(hosts / "d.json", (time.time() - 3600, time.time() - 3600))
    roll_up(tmp_path)
    assert "<title>a: memory audit" in (pages / "a.html").read_text()
    assert "<title>b: memory audit" in (pages / "b.html").read_text()
    assert "<title>d: memory audit" in (pages / "d.html").read_text()
    assert (pages / "c.html").read_text() == "kept"


def test_records_of_another_controller_are_enough(tmp_path: Path) -> None:
    """No pages and no history came with them; a file that is no record does not stop the rest."""
    RecordFiles(tmp_path).write(record("a"))
    (tmp_path / "hosts" / "b.json").write_text("{")
    text = roll_up(tmp_path).read_text()
    assert "1 has a warning or drift, 1 could not be audited." in text
    assert "is not a record of an audit" in (tmp_path / "pages" / "b.html").read_text()
    assert (tmp_path / "pages" / "a.html").exists()


def test_a_report_is_made_without_a_history(tmp_path: Path) -> None:
    publish(tmp_path, record("a"))
    (tmp_path / FILE).write_text("no database" * 100)
    history = OptionalHistory(tmp_path)
    page = report.roll_up(RecordFiles(tmp_path), history, NOW)
    assert history.lost is not None and "file is not a database" in history.lost
    assert "1 has a warning or drift" in page.read_text()


def test_a_report_that_fails_leaves_the_one_before(tmp_path: Path) -> None:
    publish(tmp_path, record("a"))
    roll_up(tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in ("index.html", *EXPORTS)}

    def fail(row: object) -> None:
        raise HostError("no", "x")

    with pytest.raises(HostError, match="no"):
        roll_up(tmp_path, NOW + DAY, fail)
    assert {name: (tmp_path / name).read_bytes() for name in ("index.html", *EXPORTS)} == before
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]
