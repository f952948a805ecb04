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
from pathlib import Path

import pytest
from unit.audits import down, publish, record
from unit.collections_path import COLLECTIONS
from unit.samples import oom_event

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError
from ansible_collections.lifeboat.oom.plugins.module_utils._health.kernel_log import HostEvent
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import Victim
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive import keep as keeping
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive import record_files
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.location import (
    FILE,
    OptionalHistory,
    open_history,
)
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.keep import keep
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import RecordFiles, load_record
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.fleet_report import roll_up

TIMES = ["2026-05-04T03:02:01+00:00", "2026-05-05T03:02:01+00:00"]


def kill(name: str) -> HostEvent:
    when = "2026-05-03T01:00:00+00:00"
    return oom_event(unit=f"{name}.service", timestamp=when, victims=(Victim(5, comm=name),))


def test_an_audit_is_kept_in_its_file_the_history_and_on_a_page(tmp_path: Path) -> None:
    kept = publish(tmp_path, record())
    assert kept.filed.path == tmp_path / "hosts" / "web.json"
    assert load_record(kept.filed.path) == kept.record == record()
    assert "<title>web: memory audit</title>" in (tmp_path / "pages" / "web.html").read_text()
    with open_history(tmp_path) as history:
        assert len(history.past("web").audits) == 1


def test_what_is_new_is_kept_and_shown(tmp_path: Path) -> None:
    publish(tmp_path, record(when=TIMES[0], events=(kill("a"),)))
    after = record(when=TIMES[1], events=(kill("a"), kill("b")))
    kept = publish(tmp_path, after)
    (new,) = kept.record.new_findings
    assert new in {finding.key for finding in after.findings}
    assert load_record(kept.filed.path).new_findings == (new,)
    assert (tmp_path / "pages" / "web.html").read_text().count('<span class="tag new">') == 1


def test_the_row_and_what_is_new_are_reckoned_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[str] = []
    for module, name in ((record_files, "row_of"), (keeping, "new_findings")):
        real = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *words, real=real, name=name: [counted.append(name), real(*words)][1])
    publish(tmp_path, record())
    assert sorted(counted) == ["new_findings", "row_of"]


def test_a_host_that_did_not_answer_is_kept_too(tmp_path: Path) -> None:
    publish(tmp_path, down())
    assert "timed out" in (tmp_path / "pages" / "web.html").read_text()


def test_names_of_hosts_stay_below_the_folder(tmp_path: Path) -> None:
    for host in ("../../x", "a/b", "a/../b", ".."):
        publish(tmp_path / "report", record(host))
    assert os.listdir(tmp_path) == ["report"]
    assert len(os.listdir(tmp_path / "report" / "hosts")) == len(os.listdir(tmp_path / "report" / "pages")) == 4


def test_what_is_new_is_kept_where_only_the_history_fails(tmp_path: Path) -> None:
    publish(tmp_path, record(when=TIMES[0]))
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute("CREATE TRIGGER refuse BEFORE INSERT ON audits BEGIN SELECT RAISE(ABORT, 'refused'); END")
    with OptionalHistory(tmp_path) as history:
        found = record(when=TIMES[1], events=(kill("a"),))
        kept = keep(RecordFiles(tmp_path), history, history.past("web"), found)
    assert history.lost is not None
    assert ": refused; " in history.lost
    assert len(kept.record.new_findings) == 1
    assert load_record(kept.filed.path) == kept.record


def test_a_folder_that_can_not_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report/hosts").write_text("a file")
    with pytest.raises(HostError, match="report"):
        publish(tmp_path / "report", record())


AUDITS = """
import json, sys
sys.path[:0] = sys.argv[1:3]
from dataclasses import replace
from pathlib import Path
from unit.audits import publish
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.location import open_history
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record import Record
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import RecordFiles
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.fleet_report import roll_up
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.typed_from_json import load
folder = Path(sys.argv[3])
records = [load(Record, data, "record") for data in json.loads(sys.argv[4])]
# Records that take a while to write, or half of one would never be seen.
records = [replace(one, groups=("x" * 1000,) * 2000) for one in records]
print("ready", flush=True)
number = 0
while True:
    publish(folder, replace(records[number % 2], host=f"host{number % 7}"))
    number += 1
    if number % 10 == 0:
        with open_history(folder) as history:
            roll_up(RecordFiles(folder), history, 1_777_900_000)
    print(number, flush=True)
"""


def test_a_controller_killed_at_any_moment_leaves_all_readable(tmp_path: Path) -> None:
    chance = random.Random(7)
    found = [record(when=TIMES[0], events=(kill("a"),)), record(when=TIMES[1])]
    records = json.dumps([each.as_dict() for each in found])
    done = 0
    for round_ in range(12):
        paths = [str(COLLECTIONS), str(COLLECTIONS.parent / "tests")]
        argv = [sys.executable, "-c", AUDITS, *paths, str(tmp_path), records]
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
        files = RecordFiles(tmp_path)
        kept = [load_record(path).host for path in files.files()]
        assert [filed.row.host for filed in files.rows()] == kept
        with sqlite3.connect(tmp_path / FILE) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        for name in ("index.html", "fleet.json"):
            if (tmp_path / name).exists():
                assert (tmp_path / name).read_text().rstrip().endswith(("</html>", "}"))
    with open_history(tmp_path) as history:
        audits = sum(len(history.past(f"host{number}").audits) for number in range(7))
    # What was reported as done was kept; the audit that was killed may have been kept as well.
    assert done <= audits <= done + 12
    assert done > 0
    publish(tmp_path, record("host0"))
    with open_history(tmp_path) as history:
        page = roll_up(RecordFiles(tmp_path), history, 1_777_900_000)
    fleet = json.loads((tmp_path / "fleet.json").read_text())
    assert {each["host"] for each in fleet["hosts"]} >= {"host0"}
    assert page.read_text().endswith("</html>")
    assert all((tmp_path / "pages" / f"{host['host']}.html").exists() for host in fleet["hosts"])
