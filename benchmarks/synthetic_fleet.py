# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A files of many hosts, made of the records of two real ones, varied by a seed.

The records of ``states/`` were taken by ``lifeboat.oom.audit`` from lab devices (Linux 6.1, Debian 12); one of them had
run out of memory three times. Each made host has a whole record of real size in a file, a row in the history, and a
page; the pages are links to a few, for no report reads them.

    .venv/bin/python benchmarks/synthetic_fleet.py --hosts 10000 FOLDER
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "collections"))

from ansible_collections.lifeboat.oom.plugins.module_utils._health.kernel_log import HostEvent
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.pressure import Pressure, Pressures, Stall
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.history import HostPast
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.location import FILE
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.sqlite import SqliteHistory
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record import Record
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import RecordFiles, load_record
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import row_of
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.judge import Subject, not_audited
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.host_page import host_page

STATES = Path(__file__).with_name("states")
VARIANTS = 64
_NAME = "synthetic-host-name"
_SITES = ("berlin", "lyon", "osaka", "quito", "tartu")
_VICTIMS = ("kiosk-shell.service", "telemetry.service", "chromium", "mosquitto.service", "node-red.service", "updater")
_DAY = 86_400


def real_records() -> list[Record]:
    return [load_record(path) for path in sorted(STATES.glob("*.json"))]


def vary(base: Record, chance: random.Random, now: int) -> Record:
    """Another host like this one: healthy, mostly."""
    when = _iso(now - chance.randrange(12 * 3600))
    if chance.random() < 0.03:
        error = chance.choice(("timed out", "Permission denied (publickey)", "No route to host"))
        return not_audited(Subject(_NAME, "run"), datetime.fromisoformat(when), False, error).record
    state, outlook = base.state, base.outlook
    if state is None or outlook is None or outlook.commit is None:
        raise ValueError("a state of a host that was audited is expected")
    boot_id = str(chance.getrandbits(64))
    memory = replace(
        state.memory,
        available_kib=int(state.memory.total_kib * chance.betavariate(4, 3)),
        committed_kib=int((state.memory.commit_limit_kib or 0) * chance.betavariate(3, 3) * 1.1),
    )
    commit = replace(outlook.commit, mode=chance.choice(("heuristic", "never")))
    pressure = state.pressure
    if chance.random() < 0.8:
        pressure = Pressures(None, None, Pressure(_stall(chance), _stall(chance)))
    level = chance.random()
    wanted = {"critical", "warning", "info"} if level < 0.06 else {"warning", "info"} if level < 0.2 else set()
    events = tuple(_kill(event, chance, now) for event in state.events or ()) if level < 0.2 else ()
    state = replace(
        state,
        host=replace(state.host, boot_id=boot_id),
        memory=memory,
        pressure=pressure,
        events=events,
        counters=replace(state.counters, oom_kills=len(events)),
    )
    return replace(
        base,
        host=_NAME,
        audited_at=when,
        drift=base.drift if level < 0.15 else (),
        findings=tuple(one for one in base.findings if one.severity in wanted),
        state=state,
        outlook=replace(outlook, commit=commit),
    )


def _stall(chance: random.Random) -> Stall:
    pct = round(max(chance.gauss(0, 6), 0), 2)
    return Stall(avg10_pct=pct, avg60_pct=pct, avg300_pct=pct, total_us=int(pct * 1e6))


def _kill(event: HostEvent, chance: random.Random, now: int) -> HostEvent:
    name = chance.choice(_VICTIMS)
    victims = tuple(
        replace(victim, comm=name.partition(".")[0], pid=chance.randrange(300, 30_000)) for victim in event.victims
    )
    unit = name if name.endswith(".service") else None
    return replace(event, unit=unit, victims=victims, timestamp=_iso(now - int(chance.expovariate(1 / (8 * _DAY)))))


def _iso(when: int) -> str:
    return datetime.fromtimestamp(when, UTC).isoformat()


def names(count: int) -> Iterator[str]:
    for number in range(count):
        kind = "kiosk" if number % 3 else "gateway"
        yield f"{kind}-{_SITES[number % len(_SITES)]}-{number:05d}"


def make_fleet(folder: Path, count: int, seed: int = 1, now: int | None = None) -> RecordFiles:
    """Fill I(folder) with I(count) hosts; the same seed gives the same fleet."""
    now = int(time.time()) if now is None else now
    chance, files = random.Random(seed), RecordFiles(folder)
    bases = real_records()
    variants = [vary(bases[number % len(bases)], chance, now) for number in range(VARIANTS)]
    texts = []
    for variant in variants:
        path = files.write(replace(variant, groups=("synthetic",))).path
        texts.append(path.read_text(encoding="utf-8"))
    (files.hosts / f"{_NAME}.json").unlink()
    pages = folder / "pages"
    pages.mkdir(exist_ok=True)
    templates = _pages(folder, variants)
    chosen = [chance.randrange(VARIANTS) for _unused in range(count)]
    for name, number in zip(names(count), chosen, strict=True):
        groups = json.dumps([name.split("-")[0] + "s", name.split("-")[1]])
        text = texts[number].replace(_NAME, name).replace('["synthetic"]', groups, 1)
        record = files.hosts / f"{name}.json"
        record.write_text(text, encoding="utf-8")
        # A page has the time of its record.
        os.utime(record, (now, now))
        os.link(templates[number], pages / f"{name}.html")
    for template in templates:
        os.utime(template, (now, now))
    _history(files, variants, list(zip(names(count), chosen, strict=True)))
    return files


def _pages(folder: Path, variants: Sequence[Record]) -> list[Path]:
    hidden = folder / ".pages"
    hidden.mkdir(exist_ok=True)
    paths = []
    for number, variant in enumerate(variants):
        path = hidden / f"{number}.html"
        path.write_text("".join(host_page(variant, row_of(variant), HostPast())), encoding="utf-8")
        paths.append(path)
    return paths


def _history(files: RecordFiles, variants: Sequence[Record], hosts: Sequence[tuple[str, int]]) -> None:
    """Every host once, in one go: through the history's own door for each variant, then copied."""
    with SqliteHistory(files.folder / FILE) as history:
        for number, variant in enumerate(variants):
            history.keep(replace(variant, host=f"variant {number}"), HostPast())
        database = history._database._connection
        database.execute("BEGIN")
        model = {name: number for number, name in database.execute("SELECT id, name FROM hosts")}
        columns = ", ".join(
            row[1] for row in database.execute("PRAGMA table_info(audits)") if row[1] not in ("id", "host")
        )
        for name, place in hosts:
            host = database.execute("INSERT INTO hosts (name) VALUES (?)", (name,)).lastrowid
            source = model[f"variant {place}"]
            database.execute(
                f"INSERT INTO audits (host, {columns}) SELECT ?, {columns} FROM audits WHERE host = ?", (host, source)
            )
            database.execute(
                "INSERT INTO kills SELECT ?, key, at, name, scope FROM kills WHERE host = ?", (host, source)
            )
        for number in model.values():
            database.execute("DELETE FROM hosts WHERE id = ?", (number,))
        database.execute("COMMIT")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    make_fleet(chosen.folder, chosen.hosts, chosen.seed)


if __name__ == "__main__":
    main()
