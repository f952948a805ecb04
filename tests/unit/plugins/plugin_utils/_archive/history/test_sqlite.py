# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from unit.audits import audit_of, declared_policy, down
from unit.collections_path import COLLECTIONS
from unit.samples import host_state, memory, oom_event, process

from ansible_collections.lifeboat.oom.plugins.module_utils._health.kernel_log import HostEvent
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.memory import Counters
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import Victim
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.history import (
    AuditPoint,
    History,
    HistoryUnusable,
    new_findings,
)
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.location import FILE, open_history
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.schema import VERSION
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record import Record
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.service import Upgrade

DAY = 86_400
NOW = 1_777_863_721  # 2026-05-04T03:02:01 UTC
TIMES = ["2026-05-04T03:02:01+00:00", "2026-05-05T03:02:01+00:00", "2026-05-06T03:02:01+00:00"]
UNIT = "nginx.service"


class Audits:
    """Audits of a host that was booted a day before the first of TIMES, each with what is known of it by then."""

    def __init__(self, history: History) -> None:
        self.history = history

    def look(self, when: str = TIMES[0], host: str = "web", **changes: Any) -> Record:
        """An audit that is kept."""
        state = host_state(**changes)
        up = DAY + (datetime.fromisoformat(when) - datetime.fromisoformat(TIMES[0])).total_seconds()
        state = replace(state, host=replace(state.host, uptime_seconds=up))
        past = self.history.past(host)
        found = audit_of(state, host, when, declared_policy(), past)
        record = replace(found.record, new_findings=tuple(sorted(new_findings(past, found.record))))
        self.history.keep(record, past, found.read)
        return record

    def miss(self, when: str = TIMES[0], host: str = "web") -> Record:
        past, record = self.history.past(host), down(host, when=when)
        record = replace(record, new_findings=tuple(sorted(new_findings(past, record))))
        self.history.keep(record, past)
        return record

    def audits(self, host: str = "web") -> tuple[AuditPoint, ...]:
        return self.history.past(host).audits


@pytest.fixture
def audits(tmp_path: Path) -> Iterator[Audits]:
    with open_history(tmp_path) as history:
        yield Audits(history)


def kill(name: str, day: str = "2026-05-03") -> HostEvent:
    when = f"{day}T01:00:00+00:00"
    return oom_event(unit=f"{name}.service", timestamp=when, victims=(Victim(5, comm=name),))


def test_an_audit_leaves_its_numbers(audits: Audits) -> None:
    audits.look(counters=Counters(1, 2, 3, 4, 5, 6))
    assert audits.audits() == (AuditPoint(NOW, True, "4f0c1d2e", 4_000_000, 2_000_000, 2),)


def test_a_host_that_did_not_answer_leaves_a_row_without_numbers(audits: Audits) -> None:
    audits.miss()
    assert audits.audits() == (AuditPoint(NOW, False),)


def test_what_is_known_after_an_audit_is_what_was_reckoned(audits: Audits) -> None:
    """The page of a host is drawn from the latter, so that nothing is read twice."""
    for number, when in enumerate(TIMES):
        before = audits.history.past("web")
        record = audits.look(when, events=(kill("a"), kill("b"))[: number + 1])
        after = audits.history.past("web")
        assert replace(before.with_audit(record), lives=after.lives) == after
    before = audits.history.past("web")
    assert before.with_audit(audits.miss(TIMES[2])) == audits.history.past("web")


def test_a_service_has_a_reading_of_each_audit(audits: Audits) -> None:
    audits.look(TIMES[0], processes=(process(rss_anon_kib=1000, swap_kib=24),))
    audits.look(TIMES[1], processes=(process(rss_anon_kib=2000, swap_kib=24, start_ticks=7),))
    audits.look(TIMES[1], host="db", processes=(process(),))
    lives = audits.history.past("web").lives[UNIT]
    assert sorted((each.start_ticks, each.series) for each in lives) == [
        (7, ((2 * DAY, 2024 * 1024),)),
        (5000, ((DAY, 1024 * 1024),)),
    ]
    assert {(each.boot_id, each.main_pid) for each in lives} == {("4f0c1d2e", 100)}
    assert audits.history.past("nobody").lives == {}


def test_what_two_audits_read_counts_once(audits: Audits) -> None:
    for _number in range(2):
        audits.look()
    (life,) = audits.history.past("web").lives[UNIT]
    assert len(life.series) == 1


def test_nothing_is_new_at_the_first_audit(audits: Audits) -> None:
    assert audits.look(events=(kill("a"),)).new_findings == ()


def test_what_was_not_there_at_the_audit_before_is_new(audits: Audits) -> None:
    audits.look(TIMES[0], events=(kill("a"),))
    after = audits.look(TIMES[1], events=(kill("a"), kill("b")))
    assert len(after.findings) == 2
    assert after.new_findings == tuple(each.key for each in after.findings if each.subject == "b.service")
    assert audits.look(TIMES[2], events=(kill("a"), kill("b"))).new_findings == ()


def test_each_kill_of_a_service_is_a_finding_of_its_own(audits: Audits) -> None:
    audits.look(TIMES[0], events=(kill("a"),))
    assert len(audits.look(TIMES[1], events=(kill("a"), kill("a", "2026-05-04"))).new_findings) == 1


def test_what_comes_back_is_new_again_and_counts_from_then(audits: Audits) -> None:
    audits.look(TIMES[0], events=(kill("a"),))
    audits.look(TIMES[1])
    (key,) = audits.look(TIMES[2], events=(kill("a"),)).new_findings
    assert audits.history.past("web").findings == {key: NOW + 2 * DAY}


def test_what_stays_counts_from_when_it_came(audits: Audits) -> None:
    for when in TIMES:
        audits.look(when, events=(kill("a"),))
    assert list(audits.history.past("web").findings.values()) == [NOW]


def test_a_host_that_did_not_answer_once_does_not_make_all_new(audits: Audits) -> None:
    audits.look(TIMES[0], events=(kill("a"),))
    assert len(audits.miss(TIMES[1]).new_findings) == 1
    assert audits.miss(TIMES[1]).new_findings == ()
    assert audits.look(TIMES[2], events=(kill("a"),)).new_findings == ()
    assert len(audits.miss(TIMES[2]).new_findings) == 1


def test_a_clock_that_was_ahead_poisons_nothing(audits: Audits) -> None:
    """Years ahead, for one audit: afterwards all is as if it had been right."""
    ahead = "2036-05-05T03:02:01+00:00"
    audits.look(TIMES[0])
    low = memory(available_kib=5)
    audits.look(ahead, memory=low)
    after = audits.look(TIMES[1], memory=low, events=(kill("b"),))
    assert [key for key in after.new_findings if "b.service" in key] == list(after.new_findings) != []
    point = audits.history.past("web").before("4f0c1d2e")
    assert point is not None and point.at == NOW + DAY
    audits.history.prune(90, NOW + 100 * DAY)
    assert [each.at for each in audits.audits()] == [NOW + 100 * DAY]
    audits.history.prune(90, NOW + 200 * DAY)
    assert audits.audits() == ()


def test_a_kill_that_two_audits_tell_of_counts_once(audits: Audits) -> None:
    audits.look(TIMES[0], events=(kill("a"), kill("b")))
    audits.look(TIMES[1], events=(kill("a"), kill("b"), kill("a", "2026-05-04")))
    audits.look(TIMES[1], host="db", events=(kill("a"),))
    day, fleet = NOW // DAY, audits.history.fleet(0, NOW)
    assert fleet.kills == {day - 1: 3, day: 1}
    assert fleet.victims == {"a.service": 3, "b.service": 1}
    assert fleet.hosts == {"web", "db"}
    later = audits.history.fleet(day * DAY, NOW)
    assert later.victims == {"a.service": 1}
    assert audits.history.fleet(NOW - 4 * DAY, NOW + DAY).kills_a_day == {"web": 0.6, "db": 0.2}


def test_what_is_old_is_forgotten(audits: Audits, tmp_path: Path) -> None:
    audits.look(TIMES[0], host="gone", events=(kill("a"),))
    audits.look(TIMES[0], events=(kill("a", "2026-05-02"),))
    audits.look(TIMES[2], events=(kill("b", "2026-05-05"),))
    audits.history.prune(2, NOW + 2 * DAY + 1)
    fleet, past = audits.history.fleet(0, NOW), audits.history.past("web")
    assert fleet.hosts == {"web"}
    assert [point.at for point in past.audits] == [NOW + 2 * DAY]
    (life,) = past.lives[UNIT]
    assert [life.when(uptime) for uptime, _size in life.series] == [NOW + 2 * DAY]
    assert fleet.victims == {"b.service": 1}
    assert len(past.findings) == 1
    with sqlite3.connect(tmp_path / FILE) as database:
        assert database.execute("SELECT count(*) FROM lives").fetchone() == (2,)


def test_numbers_are_compared_within_one_boot(audits: Audits) -> None:
    assert audits.history.past("web").before("4f0c1d2e") is None
    audits.look(TIMES[0], counters=Counters(1, 2, 3, 4, 5, 6))
    audits.miss(TIMES[1])
    past = audits.history.past("web")
    point = past.before("4f0c1d2e")
    assert point is not None
    assert (point.at, point.swap_in_pages) == (NOW, 2)
    assert past.before("another") is past.before(None) is None


def test_names_of_hosts_and_units_are_data(audits: Audits) -> None:
    host = "x'; DROP TABLE hosts; --\n" * 50
    audits.look(host=host, processes=(process(unit="' OR 1=1 --\udcff.service"),))
    assert len(audits.audits(host)) == 1
    assert audits.audits("x") == ()
    assert [len(lives) for lives in audits.history.past(host).lives.values()] == [1]


def test_an_upgrade_is_kept_once(audits: Audits) -> None:
    history, upgrade = audits.history, Upgrade(UNIT, "libleak", "1.0", "1.1", NOW)
    for host in ("web", "web", "db"):
        history.keep_upgrades(host, [upgrade])
    assert history.past("web").upgrades == (upgrade,)
    history.prune(1, NOW + 2 * DAY)
    assert history.past("web").upgrades == ()
    assert history.fleet(0, NOW).hosts == frozenset()


def test_a_unit_that_nothing_is_known_of_is_forgotten(audits: Audits, tmp_path: Path) -> None:
    """Sessions and containers are units of a new name every day."""
    for unit, when in (("session-1.scope", NOW), (UNIT, NOW + 2 * DAY)):
        audits.history.keep_upgrades("web", [Upgrade(unit, "libleak", "1.0", "1.1", when)])
    with sqlite3.connect(tmp_path / FILE) as database:
        assert database.execute("SELECT name FROM units ORDER BY 1").fetchall() == [(UNIT,), ("session-1.scope",)]
        audits.history.prune(1, NOW + 2 * DAY)
        assert database.execute("SELECT name FROM units").fetchall() == [(UNIT,)]


def test_the_file_is_for_its_user_alone(audits: Audits, tmp_path: Path) -> None:
    audits.look()
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_a_file_that_is_no_database_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("not a database, but long enough to be looked at as one" * 20)
    with pytest.raises(HistoryUnusable, match=r"history\.sqlite cannot be used as the history of .*move it away"):
        open_history(tmp_path)


def test_what_ended_a_transaction_is_told(audits: Audits) -> None:
    """A disk that is full ends it by itself; rolling back what is no more would be told instead."""
    audits.history._database._connection.execute("PRAGMA max_page_count = 1")  # type: ignore[attr-defined]
    with pytest.raises(HistoryUnusable, match="disk is full"):
        for number in range(100):
            audits.look(host=f"host{number}" * 100)


def test_what_fails_is_undone(audits: Audits, tmp_path: Path) -> None:
    audits.look(TIMES[0], events=(kill("a"),))
    before = audits.history.past("web")
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute("CREATE TRIGGER refuse BEFORE INSERT ON findings BEGIN SELECT RAISE(ABORT, 'refused'); END")
    with pytest.raises(HistoryUnusable, match=": refused; "):
        audits.look(TIMES[1], events=(kill("a"),))
    assert audits.history.past("web") == before


@pytest.mark.parametrize("version", [VERSION + 1, 99])
def test_a_history_of_another_version_is_left_alone(tmp_path: Path, version: int) -> None:
    open_history(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(HistoryUnusable, match=rf"has schema {version}, this version of the collection knows {VERSION}"):
        open_history(tmp_path)


def test_writers_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    """Forks of Ansible are processes; all begin together, before there is a file."""
    script = (
        "import json, sys; sys.path[:0] = sys.argv[1:3]\n"
        "from dataclasses import replace\n"
        "from pathlib import Path\n"
        "from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.location import open_history\n"
        "from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record import Record\n"
        "from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.typed_from_json import load\n"
        "record = load(Record, json.loads(sys.argv[5]), 'record')\n"
        "sys.stdin.read()\n"
        "for number in range(20):\n"
        "    with open_history(Path(sys.argv[3])) as history:\n"
        "        host = sys.argv[4] if number % 2 else 'shared'\n"
        "        history.keep(replace(record, host=host), history.past(host))\n"
    )
    state = host_state(events=(kill("a"),), processes=())
    text = json.dumps(audit_of(state).record.as_dict())
    paths = [str(COLLECTIONS), str(COLLECTIONS.parent / "tests"), str(tmp_path)]
    writers = [
        subprocess.Popen([sys.executable, "-c", script, *paths, f"host{number}", text], stdin=subprocess.PIPE)
        for number in range(6)
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.close()
    assert [writer.wait(timeout=300) for writer in writers] == [0] * 6
    with open_history(tmp_path) as history:
        assert [len(history.past(f"host{number}").audits) for number in range(6)] == [10] * 6
        assert len(history.past("shared").audits) == 60
        assert history.fleet(0, NOW).victims == {"a.service": 7}
