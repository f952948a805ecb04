# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from unit.samples import host_state, policy_of

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.history import FILE, History
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import Spool
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.finding import Thresholds
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.record import audited
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.leaking_packages import LeakingPackages
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.publish import publish
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.roll_up import EXPORTS, roll_up

NOW = 1_777_863_721
DAY = 86_400


def record(host: str, when: str = "2026-05-04T03:02:01+00:00") -> dict[str, Any]:
    return audited(host, when, json.loads(json.dumps(host_state().as_facts())), policy_of({"mode": "always"}))


def test_a_report_is_a_page_a_list_and_the_exports(tmp_path: Path) -> None:
    for host in ("a", "b"):
        publish(tmp_path, record(host))
    seen: list[str] = []
    page = roll_up(Spool(tmp_path), NOW, 90, lambda row: seen.append(row.host))
    assert page == tmp_path / "index.html"
    assert seen == ["a", "b"]
    assert sorted(os.listdir(tmp_path)) == sorted(["index.html", "hosts.html", *EXPORTS, "hosts", "pages", FILE])
    assert [host["host"] for host in json.loads((tmp_path / "fleet.json").read_text())["hosts"]] == ["a", "b"]
    assert len(ElementTree.parse(tmp_path / "junit.xml").getroot()) == 2
    assert (tmp_path / "findings.csv").read_bytes().count(b"\r\n") == 5
    assert 'lifeboat_oom_up{host="a"} 1' in (tmp_path / "lifeboat_oom.prom").read_text()


def test_what_leaks_on_many_hosts_is_told_once(tmp_path: Path) -> None:
    leak = {"unit": "a<b>.service", "verdict": "leak", "package": "a", "version": "1", "rate_bytes_per_hour": 1 << 20}
    for host in ("a", "b", "c"):
        Spool(tmp_path).write(host, {**record(host), "trends": [leak, {**leak, "verdict": "steady", "unit": "x"}]})
    text = roll_up(Spool(tmp_path), NOW, 90).read_text()
    assert text.count("3 hosts leak (a, b, c), +1.0 MiB an hour in the middle") == 1
    assert "a&lt;b&gt;.service: a 1" in text
    assert [each["id"] for each in json.loads((tmp_path / "fleet.json").read_text())["findings"]] == [
        "leak.package_version"
    ]
    assert "leak.package_version" in (tmp_path / "findings.csv").read_text()
    few = LeakingPackages(Thresholds(leak_package_hosts=4))
    assert "The fleet as a whole" not in roll_up(Spool(tmp_path), NOW, 90, packages=few).read_text()


def test_an_empty_spool_has_a_report_too(tmp_path: Path) -> None:
    assert "No host has been audited yet." in roll_up(Spool(tmp_path), NOW, 90).read_text()


def test_a_report_can_be_made_again(tmp_path: Path) -> None:
    publish(tmp_path, record("a"))
    texts = []
    for _unused in range(2):
        roll_up(Spool(tmp_path), NOW, 90)
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
    roll_up(Spool(tmp_path), NOW, 90)
    assert "<title>a: memory audit" in (pages / "a.html").read_text()
    assert "<title>b: memory audit" in (pages / "b.html").read_text()
    assert "<title>d: memory audit" in (pages / "d.html").read_text()
    assert (pages / "c.html").read_text() == "kept"


def test_records_of_another_controller_are_enough(tmp_path: Path) -> None:
    """No pages and no history came with them; a file that is no record does not stop the rest."""
    Spool(tmp_path).write("a", record("a"))
    (tmp_path / "hosts" / "b.json").write_text("{")
    text = roll_up(Spool(tmp_path), NOW, 90).read_text()
    assert "1 has a warning or drift, 1 could not be audited." in text
    assert "is not a record of an audit" in (tmp_path / "pages" / "b.html").read_text()
    assert (tmp_path / "pages" / "a.html").exists()


def test_the_history_forgets_what_is_old(tmp_path: Path) -> None:
    publish(tmp_path, record("a", "2026-05-01T03:02:01+00:00"))
    publish(tmp_path, record("a"))
    roll_up(Spool(tmp_path), NOW, 2)
    with History(tmp_path / FILE) as history:
        assert len(history.audits("a")) == 1


def test_a_report_that_fails_leaves_the_one_before(tmp_path: Path) -> None:
    publish(tmp_path, record("a"))
    roll_up(Spool(tmp_path), NOW, 90)
    before = {name: (tmp_path / name).read_bytes() for name in ("index.html", *EXPORTS)}

    def fail(row: object) -> None:
        raise HostError("no", "x")

    with pytest.raises(HostError, match="no"):
        roll_up(Spool(tmp_path), NOW + DAY, 90, fail)
    assert {name: (tmp_path / name).read_bytes() for name in ("index.html", *EXPORTS)} == before
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]
