# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from unit.collections_path import COLLECTIONS
from unit.samples import host_state, oom_event, policy_of, process

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError
from ansible_collections.lifeboat.oom.plugins.module_utils._health.kernel_log import HostEvent
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.memory import Counters
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import Victim
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.history import History
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.schema import VERSION
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import finding_key
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.record import audited, not_audited

DAY = 86_400
NOW = 1_777_863_721  # 2026-05-04T03:02:01 UTC
TIMES = ["2026-05-04T03:02:01+00:00", "2026-05-05T03:02:01+00:00", "2026-05-06T03:02:01+00:00"]


def record(when: str = TIMES[0], host: str = "web", policy: Any = None, **changes: Any) -> dict[str, Any]:
    """Of a host that was booted a day before the first of TIMES."""
    state = host_state(**changes)
    up = 86_400 + (datetime.fromisoformat(when) - datetime.fromisoformat(TIMES[0])).total_seconds()
    facts = json.loads(json.dumps(replace(state, host=replace(state.host, uptime_seconds=up)).as_facts()))
    return audited(host, when, facts, policy_of(policy))


def kill(name: str, day: str = "2026-05-03") -> HostEvent:
    when = f"{day}T01:00:00+00:00"
    return oom_event(unit=f"{name}.service", timestamp=when, victims=(Victim(5, comm=name),))


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "history.sqlite")


def test_an_audit_leaves_its_counters(history: History) -> None:
    history.record(record())
    (point,) = history.audits("web")
    assert (point.at, point.seen, point.boot_id) == (NOW, True, "4f0c1d2e")
    assert (point.total_kib, point.available_kib, point.oom_kills) == (4_000_000, 2_000_000, 0)
    assert (point.committed_kib, point.commit_limit_kib, point.pressure_some_avg60_pct) == (1_600_000, 3_000_000, 0.25)
    assert (point.drift, point.criticals, point.warnings) == (0, 0, 0)


def test_an_audit_counts_what_was_found(history: History) -> None:
    history.record(record(policy={"mode": "always"}, events=(kill("a"), kill("b"))))
    (point,) = history.audits("web")
    assert (point.drift, point.criticals, point.warnings) == (2, 0, 2)


def test_a_host_that_did_not_answer_leaves_a_row_without_counters(history: History) -> None:
    history.record(not_audited("web", TIMES[0], reachable=False, error="timed out"))
    (point,) = history.audits("web")
    assert (point.seen, point.total_kib, point.oom_kills, point.criticals) == (False, None, None, 1)


def test_a_service_has_a_sample_of_each_audit(history: History) -> None:
    history.record(record(TIMES[0], processes=(process(rss_anon_kib=1000, swap_kib=24),)))
    history.record(record(TIMES[1], processes=(process(rss_anon_kib=2000, swap_kib=24, start_ticks=7),)))
    history.record(record(TIMES[1], host="db", processes=(process(),)))
    lives = history.lives("web")["nginx.service"]
    assert sorted((each.start_ticks, each.series) for each in lives) == [
        (7, ((2 * 86_400, 2024 * 1024),)),
        (5000, ((86_400, 1024 * 1024),)),
    ]
    assert {(each.boot_id, each.main_pid) for each in lives} == {("4f0c1d2e", 100)}
    assert history.lives("nobody") == {}


def test_nothing_is_new_at_the_first_audit(history: History) -> None:
    assert history.record(record(events=(kill("a"),))) == set()


def test_what_was_not_there_at_the_audit_before_is_new(history: History) -> None:
    before, after = record(TIMES[0], events=(kill("a"),)), record(TIMES[1], events=(kill("a"), kill("b")))
    history.record(before)
    keys = {finding_key(finding) for finding in after["findings"]}
    expected = {key for key in keys if "b.service" in key}
    assert len(keys) == 2
    assert history.new_findings(after) == history.record(after) == expected
    assert len(expected) == 1
    assert history.record(record(TIMES[2], events=(kill("a"), kill("b")))) == set()


def test_each_kill_of_a_service_is_a_finding_of_its_own(history: History) -> None:
    history.record(record(TIMES[0], events=(kill("a"),)))
    assert len(history.record(record(TIMES[1], events=(kill("a"), kill("a", "2026-05-04"))))) == 1


def test_what_comes_back_is_new_again_and_counts_from_then(history: History) -> None:
    history.record(record(TIMES[0], events=(kill("a"),)))
    history.record(record(TIMES[1]))
    again = record(TIMES[2], events=(kill("a"),))
    (key,) = history.record(again)
    assert history.first_seen("web") == {key: NOW + 2 * DAY}


def test_a_host_that_did_not_answer_once_does_not_make_all_new(history: History) -> None:
    history.record(record(TIMES[0], events=(kill("a"),)))
    down = not_audited("web", TIMES[1], reachable=False, error="timed out")
    assert history.record(down) == {finding_key(down["findings"][0])}
    assert history.record({**down, "audited_at": TIMES[1]}) == set()
    assert history.record(record(TIMES[2], events=(kill("a"),))) == set()


def test_a_kill_that_two_audits_tell_of_counts_once(history: History) -> None:
    history.record(record(TIMES[0], events=(kill("a"), kill("b"))))
    history.record(record(TIMES[1], events=(kill("a"), kill("b"), kill("a", "2026-05-04"))))
    history.record(record(TIMES[1], host="db", events=(kill("a"),)))
    day = NOW // DAY
    assert history.kills_over_time(0) == {day - 1: 3, day: 1}
    assert history.victims(0) == {"a.service": 3, "b.service": 1}
    assert history.victims(day * DAY) == {"a.service": 1}
    assert history.kill_rates(NOW - 4 * DAY, NOW + DAY) == {"web": 0.6, "db": 0.2}


def test_what_is_old_is_forgotten(history: History) -> None:
    history.record(record(TIMES[0], host="gone", events=(kill("a"),)))
    history.record(record(TIMES[0], events=(kill("a", "2026-05-02"),)))
    history.record(record(TIMES[2], events=(kill("b", "2026-05-05"),)))
    history.prune(2, now=NOW + 2 * DAY + 1)
    assert history.hosts() == {"web"}
    assert [point.at for point in history.audits("web")] == [NOW + 2 * DAY]
    (life,) = history.lives("web")["nginx.service"]
    assert [life.when(uptime) for uptime, _size in life.series] == [NOW + 2 * DAY]
    assert history.victims(0) == {"b.service": 1}
    assert len(history.first_seen("web")) == 1
    with sqlite3.connect(history.path) as database:
        assert database.execute("SELECT count(*) FROM lives").fetchone() == (2,)


def test_counters_are_compared_within_one_boot(history: History) -> None:
    assert history.earlier("web", "4f0c1d2e", NOW) is None
    history.record(record(TIMES[0], counters=Counters(1, 2, 3, 4, 5, 6)))
    history.record(not_audited("web", TIMES[1], reachable=False, error="timed out"))
    assert history.earlier("web", "4f0c1d2e", NOW + 60) == {
        "seconds_ago": 60,
        "oom_kills": 1,
        "swap_in_pages": 2,
        "swap_out_pages": 3,
        "major_faults": 4,
        "allocation_stalls": 5,
        "refaults": 6,
    }
    assert history.earlier("web", "another", NOW + 60) is history.earlier("web", None, NOW + 60) is None
    history.record(record(TIMES[1], counters=Counters(9, 9, 9, 9, 9, 9)))
    earlier = history.earlier("web", "4f0c1d2e", NOW + DAY)
    assert earlier is not None
    assert (earlier["seconds_ago"], earlier["refaults"]) == (0, 9)


def test_names_of_hosts_and_units_are_data(history: History) -> None:
    host = "x'; DROP TABLE hosts; --\n" * 50
    history.record(record(host=host, processes=(process(unit="' OR 1=1 --\udcff.service"),)))
    assert len(history.audits(host)) == 1
    assert history.audits("x") == ()
    assert [len(lives) for lives in history.lives(host).values()] == [1]


@pytest.mark.parametrize(
    "found", [{}, {"host": None, "state": 5}, {"host": "a", "state": {"memory": {"total_kib": 2**80}}}]
)
def test_a_record_of_another_shape_is_kept_as_far_as_it_goes(history: History, found: dict[str, Any]) -> None:
    history.record(found)
    (point,) = history.audits(str(found.get("host") or ""))
    assert point.total_kib is None


def test_a_file_that_is_no_database_is_named_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    path.write_text("not a database, but long enough to be looked at as one" * 20)
    with pytest.raises(HostError, match=r"history\.sqlite cannot be used as the history of audits: .*move it away"):
        History(path)


def test_what_ended_a_transaction_is_told(tmp_path: Path) -> None:
    """A disk that is full ends it by itself; rolling back what is no more would be told instead."""
    history = History(tmp_path / "history.sqlite")
    history._database.execute("PRAGMA max_page_count = 1")
    with pytest.raises(HostError, match="disk is full"):
        for number in range(100):
            history.record(record(host=f"host{number}" * 100))


def test_a_history_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    History(path).record(record())
    with sqlite3.connect(path) as database:
        database.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(HostError, match=rf"has schema {VERSION + 1}, this version of the collection knows {VERSION}"):
        History(path)


def test_writers_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    """Forks of Ansible are processes; all begin together, before there is a file."""
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.history import History\n"
        "import json\n"
        "record = json.loads(sys.argv[4])\n"
        "sys.stdin.read()\n"
        "for number in range(20):\n"
        "    with History(Path(sys.argv[2])) as history:\n"
        "        history.record({**record, 'host': sys.argv[3] if number % 2 else 'shared'})\n"
    )
    path = tmp_path / "history.sqlite"
    text = json.dumps(record(events=(kill("a"),)))
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(COLLECTIONS), str(path), f"host{number}", text], stdin=subprocess.PIPE
        )
        for number in range(6)
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.close()
    assert [writer.wait(timeout=300) for writer in writers] == [0] * 6
    with History(path) as history:
        assert [len(history.audits(f"host{number}")) for number in range(6)] == [10] * 6
        assert len(history.audits("shared")) == 60
        assert history.victims(0) == {"a.service": 7}
