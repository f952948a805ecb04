# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the fleet, made host by host: what grows with the fleet waits in a file, not in memory."""

from __future__ import annotations

import heapq
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, TextIO
from urllib.parse import quote

from markupsafe import escape

from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.history import FleetPast
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record import Finding
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import LEVELS, Level, Row
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.catalogue import NOT_COMPARED
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.charts import DAY, Bar, columns, grid, ranking
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.page import (
    Column,
    FindingName,
    Link,
    counted,
    drift_cells,
    render,
    without_empty,
)
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.iso_times import seconds
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.printable_text import clean, script

CHART_DAYS = 30
# Rows that stand in the page itself, for those without JavaScript; the script shows pages of as many.
_STATIC = 50
# Findings and drift that the page holds: what a browser opens at once, also of a large fleet that is all broken.
_MOST_KEPT = 10_000
_MOST_KINDS = 200
_RANKED = 8
# Stands in a rendered page where the streamed part belongs; no text of a device has it.
_HERE = "\0"
_HOSTS = [
    *(Column("Host", "host"), Column("State", "level"), Column("Drift", "count"), Column("Critical", "count")),
    *(Column("Warnings", "count"), Column("Available", "share"), Column("Headroom", "share")),
    *(Column("Pressure", "share"), Column("OOM kills", "count"), Column("Killed first now")),
    Column("Audited, UTC", "time"),
]
_FINDINGS = [
    *(Column("Severity", "level"), Column("Host", "host"), Column("Finding", "finding"), Column("Subject")),
    *(Column("Observed", "long"), Column("Expected"), Column("New", "new")),
]
_DRIFT = [
    *(Column("Host", "host"), Column("Layer"), Column("Subject"), Column("Key", "code")),
    *(Column("Is", "code"), Column("Declared", "code"), Column("Why", "long")),
]
_KINDS = [
    *(Column("Severity", "level"), Column("Finding", "finding"), Column("Hosts", "count")),
    *(Column("What to do", "long"), Column("New", "count")),
]
_OF_FLEET = [
    *(Column("Severity", "level"), Column("Finding", "finding"), Column("Subject"), Column("Observed", "long")),
    Column("What to do", "long"),
]


class _Texts:
    """Each text once; the rows of the page refer to it by its place."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def place(self, text: str | None) -> int | None:
        return None if text is None else self._places.setdefault(text, len(self._places))

    def as_json(self) -> str:
        return script(json.dumps(list(self._places)))


class _Most:
    """The I(most) entries with the largest keys, largest first; among equals the earlier."""

    def __init__(self, most: int) -> None:
        self._most, self._heap, self._count = most, list[tuple[Any, int, Any]](), 0

    def add(self, key: Any, entry: Any) -> None:
        self._count += 1
        push = heapq.heappush if len(self._heap) < self._most else heapq.heappushpop
        push(self._heap, (key, -self._count, entry))

    def __iter__(self) -> Iterator[Any]:
        return (entry for _unused, _unused, entry in sorted(self._heap, reverse=True))


@dataclass
class _Found:
    """One kind of finding over the fleet."""

    level: int
    message: str
    remedy: str
    hosts: int = 0
    new: int = 0


@dataclass
class _Table:
    """The rows of one table of the page: the first ones that fit, and how many there were."""

    total: int = 0
    rows: list[tuple[Any, ...]] = field(default_factory=list)

    def add(self, *row: Any) -> None:
        self.total += 1
        if len(self.rows) < _MOST_KEPT:
            self.rows.append(row)


class _Lines:
    """Lines of JSON in a file of their own, until the page is written."""

    def __init__(self) -> None:
        self._file: IO[str] = tempfile.SpooledTemporaryFile(1 << 20, "w+", encoding="utf-8", newline="")  # noqa: SIM115
        self._separator = ""

    def add(self, row: Any) -> None:
        self._file.write(self._separator + script(json.dumps(row, separators=(",", ":"))))
        self._separator = ",\n"

    def write_to(self, stream: TextIO) -> None:
        self._file.seek(0)
        while block := self._file.read(1 << 16):
            stream.write(block)
        self._file.close()


class IndexPage:
    """C(index.html); I(past) is what the history tells of the fleet."""

    def __init__(self, now: int, past: FleetPast) -> None:
        self._now, self._rates, self._knows = now, past.kills_a_day, past.hosts
        self._most_rate = max(past.kills_a_day.values(), default=1.0)
        self._kills, self._victims = Counter(past.kills), Counter(past.victims)
        self._levels = bytearray()
        self._texts, self._names, self._hosts = _Texts(), _Lines(), _Lines()
        self._groups: set[str] = set()
        self._worst = _Most(_STATIC)
        rankings = ("least_available", "least_room", "most_pressure", "most_kills")
        self._rankings = {name: _Most(_RANKED) for name in rankings}
        self._findings = {severity: _Table() for severity in ("critical", "warning", "info")}
        self._drift = _Table()
        self._undeclared = 0
        self._kinds: dict[str, _Found] = {}
        self._span: tuple[int, int] | None = None

    def add(self, row: Row, file: str) -> None:
        """One more host; I(file) is the name of its page."""
        place, link = len(self._levels), Link(row.host, quote(file))
        self._levels.append(LEVELS.index(row.level))
        audited_at = seconds(row.audited_at)
        if audited_at is not None:
            oldest, newest = self._span or (audited_at, audited_at)
            self._span = min(oldest, audited_at), max(newest, audited_at)
        self._add_host(place, link, row, audited_at)
        self._add_findings(place, link, row)
        self._rank(link, row)
        if row.host not in self._knows:
            recent = [kill for kill in row.kills if kill.at >= self._now - CHART_DAYS * DAY]
            self._kills.update(kill.at // DAY for kill in recent)
            self._victims.update(kill.name for kill in recent)

    def write(self, stream: TextIO, found: Sequence[Finding] = ()) -> None:
        """I(found) are the findings of the fleet as a whole."""
        of_fleet = [_of_fleet(finding) for finding in found]
        before, _unused, after = "".join(render("index.html.j2", of_fleet=of_fleet, **self._values())).partition(_HERE)
        stream.write(before)
        findings = [row for table in self._findings.values() for row in table.rows][:_MOST_KEPT]
        stream.write('{"findings": ' + self._json(findings, self._finding_columns()) + ',\n"drift": ')
        stream.write(self._json(self._drift.rows, _DRIFT) + ',\n"names": [')
        self._names.write_to(stream)
        stream.write('],\n"hosts": [')
        self._hosts.write_to(stream)
        stream.write('],\n"groups": ' + script(json.dumps(sorted(self._groups)[:_MOST_KINDS])))
        stream.write(',\n"texts": ' + self._texts.as_json() + "}")
        stream.write(after)

    def _add_host(self, place: int, link: Link, row: Row, audited_at: int | None) -> None:
        victim = row.killed_first[0].name if row.killed_first else None
        shown = (
            LEVELS.index(row.level),
            row.drift_count,
            row.counts["critical"],
            row.counts["warning"],
            row.available_pct,
            row.headroom_pct,
            row.pressure_some_pct,
            row.oom_kills,
            victim,
            audited_at,
        )
        self._worst.add(row.rank, (link, *shown))
        self._groups.update(row.groups)
        file = 0 if link.file == link.name else link.file
        self._names.add([link.name, file, self._texts.place(", ".join(row.groups))])
        self._hosts.add([place, *shown[:8], self._texts.place(victim), audited_at])

    def _add_findings(self, place: int, link: Link, row: Row) -> None:
        host = (place, link)
        for one in row.findings:
            level, name = LEVELS.index(one.severity), FindingName(one.id, one.message)
            self._findings[one.severity].add(level, host, name, one.subject, one.observed, one.expected, one.new)
            if one.id in self._kinds or len(self._kinds) < _MOST_KINDS:
                found = self._kinds.setdefault(one.id, _Found(level, one.message, one.remedy))
                found.level = max(found.level, level)
                found.new += one.new
        for found_id in {one.id for one in row.findings} & self._kinds.keys():
            self._kinds[found_id].hosts += 1
        self._undeclared += row.declares is False
        for change in row.drift:
            self._drift.add(host, *drift_cells(change))

    def _rank(self, link: Link, row: Row) -> None:
        def add(ranking: str, key: Any, share_pct: float, text: str) -> None:
            self._rankings[ranking].add(key, Bar(link.name, share_pct, text, link.file))

        rate, available = self._rates.get(row.host), row.available_pct
        room, pressure = row.headroom_pct, row.pressure_some_pct
        if rate:
            add("most_kills", rate, 100 * rate / self._most_rate, f"{7 * rate:.1f}")
        if available is not None:
            add("least_available", -available, available, _percent(available))
        if room is not None:
            enforced = row.commit_enforced is True
            add("least_room", (enforced, -room), room, _percent(room) + ("" if enforced else " *"))
        if pressure:
            add("most_pressure", pressure, pressure, f"{pressure:.1f} %")

    def _values(self) -> dict[str, Any]:
        counts = {name: self._levels.count(level) for level, name in enumerate(LEVELS)}
        kills = columns(self._kills, self._now // DAY, CHART_DAYS)
        findings = [row for table in self._findings.values() for row in table.rows]
        findings_total = sum(table.total for table in self._findings.values())
        not_compared = self._kinds.get(NOT_COMPARED.id)
        return {
            "total": len(self._levels),
            "counts": counts,
            "verdict": _verdict(counts),
            "made_at": self._now,
            "oldest": self._span and self._span[0],
            "newest": self._span and self._span[1],
            "grid": grid(bytes(self._levels)),
            "days": CHART_DAYS,
            "kills": kills,
            "kills_total": sum(column.count for column in kills),
            "victims": ranking(self._victims, _RANKED),
            **{name: list(ranked) for name, ranked in self._rankings.items()},
            "of_fleet_columns": _OF_FLEET,
            "kinds": without_empty(_KINDS, self._kind_rows()),
            "host_columns": _HOSTS,
            "hosts": list(self._worst),
            "finding_columns": self._finding_columns(),
            "findings": [_linked(row) for row in findings[:_STATIC]],
            "findings_total": findings_total,
            "findings_kept": min(len(findings), _MOST_KEPT),
            "drift_columns": _DRIFT,
            "drift": [_linked(row) for row in self._drift.rows[:_STATIC]],
            "drift_total": self._drift.total,
            "drift_kept": len(self._drift.rows),
            "not_compared": not_compared and counted(not_compared.hosts, "host", "hosts"),
            "undeclared": self._undeclared and counted(self._undeclared, "host", "hosts"),
            "data": _HERE,
        }

    def _finding_columns(self) -> list[Column]:
        """The last one only where something is new."""
        return _FINDINGS if any(found.new for found in self._kinds.values()) else _FINDINGS[:-1]

    def _kind_rows(self) -> list[list[Any]]:
        worst_first = sorted(self._kinds.items(), key=lambda entry: (-entry[1].level, -entry[1].hosts, entry[0]))
        return [
            [found.level, FindingName(found_id, found.message), found.hosts, found.remedy, found.new or None]
            for found_id, found in worst_first
        ]

    def _json(self, rows: Sequence[tuple[Any, ...]], shape: Sequence[Column]) -> str:
        lines = [[self._value(column.kind, value) for column, value in zip(shape, row, strict=False)] for row in rows]
        return json.dumps(lines, separators=(",", ":"))

    def _value(self, kind: str, value: Any) -> Any:
        if kind == "host":
            return value[0]
        if kind == "finding":
            return self._texts.place(" ".join(value))
        return int(value) if kind in ("level", "new") else self._texts.place(value)


class PlainList:
    """C(hosts.html): all hosts without a script, for fleets that do not fit on the first page."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        before, _unused, self._after = "".join(render("list.html.j2", rows=_HERE)).partition(_HERE)
        stream.write(before)

    def add(self, row: Row, file: str) -> None:
        self._stream.write(
            f'<tr><th scope="row"><a href="pages/{quote(file)}.html">{escape(row.host)}</a></th><td>{row.level}</td>'
            f'<td class="n">{row.counts["critical"]}</td><td class="n">{row.counts["warning"]}</td>'
            f'<td class="n">{row.drift_count}</td><td>{escape(row.audited_at)}</td></tr>\n'
        )

    def finish(self) -> None:
        self._stream.write(self._after)


def _of_fleet(finding: Finding) -> list[Any]:
    level, name = LEVELS.index(finding.severity), FindingName(finding.id, finding.message)
    return [level, name, clean(finding.subject), clean(finding.observed, 500), finding.remedy]


def _linked(row: Sequence[Any]) -> list[Any]:
    """A row as the template wants it: a host by its link, not by its place."""
    return [value[1] if isinstance(value, tuple) and isinstance(value[-1], Link) else value for value in row]


def _percent(share: float) -> str:
    return f"{share:.0f} %"


def _verdict(counts: Mapping[Level, int]) -> str:
    total = sum(counts.values())
    said = (
        (counts["critical"], "host is critical", "hosts are critical"),
        (counts["warning"], "has a warning or drift", "have a warning or drift"),
        (counts["not audited"], "could not be audited", "could not be audited"),
    )
    bad = [counted(*each) for each in said if each[0]]
    if not total:
        return "No host has been audited yet."
    if not bad:
        return f"Nothing to look at on {counted(total, 'host', 'hosts')}."
    rest = counts["fine"] + counts["info"]
    return f"{', '.join(bad)}" + (f"; {counted(rest, 'is', 'are')} fine." if rest else ".")
