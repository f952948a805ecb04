# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from unit.collections_path import COLLECTIONS
from unit.samples import host_state, oom_event, policy_of, process

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError
from ansible_collections.lifeboat.oom.plugins.module_utils._health.kernel_log import HostEvent
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import Victim
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.history import FILE, History
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import Spool, load_record
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import finding_key
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.record import audited, not_audited
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.trend import Limits
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.publish import counters_before, publish, trends_with
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.roll_up import roll_up

TIMES = ["2026-05-04T03:02:01+00:00", "2026-05-05T03:02:01+00:00"]


def record(when: str = TIMES[0], host: str = "web", **changes: Any) -> dict[str, Any]:
    return audited(host, when, json.loads(json.dumps(host_state(**changes).as_facts())), policy_of())


def kill(name: str) -> HostEvent:
    when = "2026-05-03T01:00:00+00:00"
    return oom_event(unit=f"{name}.service", timestamp=when, victims=(Victim(5, comm=name),))


def test_an_audit_is_kept_in_the_spool_the_history_and_on_a_page(tmp_path: Path) -> None:
    published = publish(tmp_path, record())
    assert published == (tmp_path / "hosts" / "web.json", frozenset(), None)
    assert load_record(published.path) == {**record(), "new_findings": []}
    assert "<title>web: memory audit</title>" in (tmp_path / "pages" / "web.html").read_text()
    with History(tmp_path / FILE) as history:
        assert len(history.audits("web")) == 1


def test_what_is_new_is_returned_kept_and_shown(tmp_path: Path) -> None:
    publish(tmp_path, record(TIMES[0], events=(kill("a"),)))
    after = record(TIMES[1], events=(kill("a"), kill("b")))
    published = publish(tmp_path, after)
    (new,) = published.new
    assert new in {finding_key(finding) for finding in after["findings"]}
    assert load_record(published.path)["new_findings"] == [new]
    assert (tmp_path / "pages" / "web.html").read_text().count('<span class="tag new">') == 1


def test_the_next_audit_can_see_the_counters_of_this_one(tmp_path: Path) -> None:
    facts = host_state().as_facts()
    assert counters_before(tmp_path, "web", facts, TIMES[0]) is None
    publish(tmp_path, record(TIMES[0]))
    earlier = counters_before(tmp_path, "web", facts, TIMES[1])
    assert earlier is not None
    assert (earlier["seconds_ago"], earlier["major_faults"]) == (86_400, 5_000)
    assert counters_before(tmp_path, "web", {**facts, "host": {"boot_id": "another"}}, TIMES[1]) is None


def test_a_host_that_did_not_answer_is_kept_too(tmp_path: Path) -> None:
    publish(tmp_path, not_audited("web", TIMES[0], reachable=False, error="timed out"))
    assert "timed out" in (tmp_path / "pages" / "web.html").read_text()


def test_names_of_hosts_stay_below_the_folder(tmp_path: Path) -> None:
    for host in ("../../x", "a/b", "a/../b", ".."):
        publish(tmp_path / "report", record(host=host))
    assert os.listdir(tmp_path) == ["report"]
    assert len(os.listdir(tmp_path / "report" / "hosts")) == len(os.listdir(tmp_path / "report" / "pages")) == 4


def test_a_folder_that_can_not_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "report").write_text("a file")
    with pytest.raises(HostError, match="report"):
        publish(tmp_path / "report", record())


def test_a_history_that_can_not_be_used_takes_neither_record_nor_page(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("no database" * 100)
    published = publish(tmp_path, record())
    assert published.unkept is not None
    assert f"{tmp_path / FILE} cannot be used as the history of audits: file is not a database" in published.unkept
    assert load_record(published.path) == {**record(), "new_findings": []}
    assert "<title>web: memory audit</title>" in (tmp_path / "pages" / "web.html").read_text()


def test_what_is_new_is_kept_where_only_the_writing_fails(tmp_path: Path) -> None:
    publish(tmp_path, record(TIMES[0]))
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute("CREATE TRIGGER refuse BEFORE INSERT ON audits BEGIN SELECT RAISE(ABORT, 'refused'); END")
    published = publish(tmp_path, record(TIMES[1], events=(kill("a"),)))
    assert published.unkept is not None
    assert ": refused; " in published.unkept
    assert len(published.new) == 1
    assert load_record(published.path)["new_findings"] == sorted(published.new)


AUDITS = """
import json, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.publish import counters_before, publish, trends_with
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.roll_up import roll_up
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import Spool
folder, records = Path(sys.argv[2]), json.loads(sys.argv[3])
for record in records:
    # A record that takes a while to write, or half of one would never be seen.
    record["state"]["log"] = ["x" * 1000] * 2000
print("ready", flush=True)
number = 0
while True:
    publish(folder, {**records[number % 2], "host": f"host{number % 7}"})
    number += 1
    if number % 10 == 0:
        roll_up(Spool(folder), 1_777_900_000, 90)
    print(number, flush=True)
"""


def test_a_controller_killed_at_any_moment_leaves_all_readable(tmp_path: Path) -> None:
    chance = random.Random(7)
    records = json.dumps([record(TIMES[0], events=(kill("a"),)), record(TIMES[1])])
    done = 0
    for round_ in range(12):
        argv = [sys.executable, "-c", AUDITS, str(COLLECTIONS), str(tmp_path), records]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            # Every other time after the first audit, which makes the history and takes longest.
            if round_ % 2:
                assert process.stdout.readline() == "1\n"
                done += 1
            time.sleep(chance.random() * 0.25)
            process.send_signal(signal.SIGKILL)
            done += len(process.stdout.read().splitlines())
        spool = Spool(tmp_path)
        kept = [load_record(path)["host"] for path in spool.files()]
        assert [row.host for _unused, row in spool.rows()] == kept
        with sqlite3.connect(tmp_path / FILE) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        for name in ("index.html", "fleet.json"):
            if (tmp_path / name).exists():
                assert (tmp_path / name).read_text().rstrip().endswith(("</html>", "}"))
    with History(tmp_path / FILE) as history:
        audits = sum(len(history.audits(f"host{number}")) for number in range(7))
    # What was reported as done was kept; the audit that was killed may have been kept as well.
    assert done <= audits <= done + 12
    assert done > 0
    publish(tmp_path, record(host="host0"))
    page = roll_up(Spool(tmp_path), 1_777_900_000, 90)
    fleet = json.loads((tmp_path / "fleet.json").read_text())
    assert {each["host"] for each in fleet["hosts"]} >= {"host0"}
    assert page.read_text().endswith("</html>")
    assert all((tmp_path / "pages" / f"{host['host']}.html").exists() for host in fleet["hosts"])


def test_a_trend_knows_what_the_audit_sees_now(tmp_path: Path) -> None:
    """And the history keeps it, whether the audit succeeds or not."""
    limits = Limits(min_samples=4, min_seconds=0, period_seconds=0, min_growth_bytes=1)
    found = ()
    for number in range(12):
        state = host_state(processes=(process(rss_anon_kib=80_000 + 9_000 * number),))
        state = replace(state, host=replace(state.host, uptime_seconds=1000.0 + 60 * number))
        found = trends_with(tmp_path, "web", json.loads(json.dumps(state.as_facts())), TIMES[0], limits)
    (trend,) = found
    assert (trend.unit, trend.leaks, trend.trend.samples) == ("nginx.service", True, 12)
    assert round(trend.trend.bytes_per_hour) == 9_000 * 1024 * 60
    published = publish(tmp_path, {**record(), "trends": [trend.as_dict()]})
    assert load_record(published.path)["trends"][0]["verdict"] == "leak"
    with History(tmp_path / FILE) as history:
        assert [leak.unit for leak in history.leaking("web")] == ["nginx.service"]
