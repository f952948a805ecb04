# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.audits import RUN, down, found_on, record
from unit.samples import oom_event, process

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import (
    RecordFiles,
    file_name,
    load_record,
)
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import row_of

hosts = st.one_of(
    st.text(max_size=120),
    st.from_regex(r"[a-z0-9~._-]{0,110}", fullmatch=True),
    st.sampled_from(
        ["web", "web/1", "web-1", "web\\1", "..", ".", "", "a~", "con", "~", "a" * 100, "a" * 101, "\ud800", "\udcff"]
    ),
)


def names(folder: Path) -> list[str]:
    return [filed.row.host for filed in RecordFiles(folder).rows()]


@pytest.mark.parametrize("host", ["web", "web-1.example.org", "10.0.0.1", "_a", "A" * 100])
def test_a_usual_name_is_kept(host: str) -> None:
    assert file_name(host) == host


@pytest.mark.parametrize(
    "host", ["", ".", "..", "../../etc/passwd", "/etc/passwd", "-rf", "a\nb", "a\0b", "fe80::1%eth0"]
)
def test_a_hostile_name_is_safe_as_a_file(host: str, tmp_path: Path) -> None:
    path = RecordFiles(tmp_path).write(down(host)).path
    assert path.parent == tmp_path / "hosts"
    assert os.listdir(tmp_path) == ["hosts"]
    assert load_record(path).host == host


@given(hosts, hosts)
def test_two_hosts_never_share_a_file(one: str, other: str) -> None:
    assert (file_name(one) == file_name(other)) == (one == other)


@given(hosts)
def test_a_name_fits_every_file_system(host: str) -> None:
    name = file_name(host) + ".json"
    assert len(name.encode()) <= 255
    assert name.isascii()
    assert not set(name) & set('/\\\0\n :*?"<>|')
    assert name[0] not in "-."


@given(st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}", fullmatch=True), hosts)
def test_no_name_is_made_that_a_usual_host_has(usual: str, other: str) -> None:
    assert usual == other or file_name(other) != usual


@pytest.mark.parametrize("host", ["web-1", "c/d", "../x"])
def test_a_record_is_written_where_it_is_looked_for(tmp_path: Path, host: str) -> None:
    files = RecordFiles(tmp_path)
    assert not files.path_of(host).exists()
    assert files.write(down(host)).path == files.path_of(host)
    assert load_record(files.path_of(host)).host == host


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    hostile = "\udcff\ud800 <b>\n"
    found = record("a", policy={"mode": "always"}, events=(oom_event(),), processes=(process(comm=hostile),))
    path = RecordFiles(tmp_path / "not" / "yet").write(found).path
    assert load_record(path) == found
    assert RecordFiles(tmp_path / "not" / "yet").run_of("a") == RUN
    assert RecordFiles(tmp_path).run_of("nobody") == ""


def test_numbers_in_names_are_numbers(tmp_path: Path) -> None:
    for name in ("web-10", "web-2", "db", "10.0.0.9", "10.0.0.10"):
        RecordFiles(tmp_path).write(down(name))
    assert names(tmp_path) == ["10.0.0.9", "10.0.0.10", "db", "web-2", "web-10"]


def test_the_first_line_of_a_record_is_its_row(tmp_path: Path) -> None:
    found = record("a")
    filed = RecordFiles(tmp_path).write(found)
    first, _unused, rest = filed.path.read_text().partition("\n")
    assert filed.row == row_of(found)
    assert json.loads(first.removesuffix(",") + "}")["row"] == json.loads(filed.json)
    # Proof that only the first line is read: the rest is gone.
    filed.path.write_text(first + "\n" + rest[:5])
    assert list(RecordFiles(tmp_path).rows()) == [filed]


@pytest.mark.parametrize(
    "first",
    [
        '{"row": {"host": "b"},',
        '{"row_schema": 0, "row": {"host": "b"},',
        '{"row_schema": 1, "row": {"level": "fine"},',
        '{"row_schema": 1, "row": {"host": "b", "total_kib": "5"},',
        '{"row_schema": 1, "row": [],',
        '{"row_schema": 1, "row": null,',
        '{"row_schema": 1, "row": {',
        "{",
    ],
)
def test_a_row_of_another_version_is_made_anew(tmp_path: Path, first: str) -> None:
    found = record("a")
    filed = RecordFiles(tmp_path).write(found)
    rest = filed.path.read_text().partition("\n")[2]
    filed.path.write_text(first + "\n" + rest)
    if first.endswith("{") and first != "{":
        assert [each.row.level for each in RecordFiles(tmp_path).rows()] == ["not audited"]
    else:
        assert [each.row for each in RecordFiles(tmp_path).rows()] == [row_of(found)]


def test_of_a_record_of_another_version_is_kept_what_is_right(tmp_path: Path) -> None:
    """A host that is away for long may have one; what a newer or an older version adds or lacks costs only itself."""
    found = record("a", events=(oom_event(), oom_event(unit="b.service")), declared=None)
    path = RecordFiles(tmp_path).write(found).path
    data = json.loads(path.read_text())
    del data["row"], data["run"], data["trends"], data["state"]["zram"]
    data["colour"] = data["state"]["memory"]["colour_kib"] = 5
    data["findings"] += [5, {"id": "x"}, {**data["findings"][0], "severity": "fatal"}]
    data["state"]["events"][0]["victims"] = "nginx"
    data["state"]["processes"][0]["rss_kib"] = -5
    data["state"]["counters"]["oom_kills"] = "many"
    path.write_text(json.dumps({"run": RUN, **data}))
    kept = load_record(path)
    assert kept.findings == found.findings
    assert kept.state is not None and found.state is not None
    assert (kept.state.memory, kept.state.host) == (found.state.memory, found.state.host)
    assert (kept.state.zram, kept.state.counters.oom_kills) == (None, None)
    assert kept.state.processes == (found.state.processes or ())[1:]
    assert kept.state.events is not None
    assert [event.victims for event in kept.state.events] == [(), found.state.events[1].victims]  # type: ignore[index]


def test_a_host_has_one_record_the_last_one(tmp_path: Path) -> None:
    for error in ("first", "second"):
        RecordFiles(tmp_path).write(down("a", error))
    assert [filed.row.error for filed in RecordFiles(tmp_path).rows()] == ["second"]
    assert os.listdir(tmp_path / "hosts") == ["a.json"]


def test_what_devices_said_is_for_its_user_alone(tmp_path: Path) -> None:
    """Pages are as readable as the operator's umask says."""
    (tmp_path / "hosts").mkdir(mode=0o755)
    before = os.umask(0o027)
    try:
        files = RecordFiles(tmp_path)
        record_file, page = files.write(down("a")).path, files.write_page("index.html", "x")
    finally:
        os.umask(before)
    modes = [path.stat().st_mode & 0o777 for path in (tmp_path / "hosts", record_file, page)]
    assert modes == [0o700, 0o600, 0o640]


def test_an_empty_folder_has_no_records(tmp_path: Path) -> None:
    assert list(RecordFiles(tmp_path).rows()) == []


@pytest.mark.parametrize(
    "content",
    [
        *[
            b"",
            b"{",
            b'{"host": "a"',
            b"\xff\xfe",
            b"[]",
            b"null",
            b'"a"',
            b"{}",
            b'{"host": null}',
            b'{"host": ["a"]}',
            b"[" * 100_000,
            b'{"n": ' + b"9" * 5_000 + b"}",
        ],
    ],
    ids=lambda content: repr(content[:16]),
)
def test_a_file_that_is_no_record_is_named_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "hosts").mkdir()
    (tmp_path / "hosts" / "a.json").write_bytes(content)
    with pytest.raises(HostError, match=r"/hosts/a\.json is not a record of an audit: .*; remove it$"):
        load_record(tmp_path / "hosts" / "a.json")
    (filed,) = RecordFiles(tmp_path).rows()
    assert (filed.row.host, filed.row.level) == ("a", "not audited")
    assert RecordFiles(tmp_path).run_of("a") == ""


def test_a_file_that_is_no_record_does_not_hide_the_others(tmp_path: Path) -> None:
    files = RecordFiles(tmp_path)
    for name in ("a", "b", "c"):
        files.write(found_on(name))
    (tmp_path / "hosts" / "b.json").write_bytes(b'{"host": "b"')
    (tmp_path / "hosts" / "d.json").mkdir()
    found = {filed.row.host: (filed.row.level, filed.row.error) for filed in files.rows()}
    assert {host: level for host, (level, _unused) in found.items()} == {
        **dict.fromkeys("ac", "fine"),
        **dict.fromkeys("bd", "not audited"),
    }
    assert "b.json is not a record of an audit" in str(found["b"][1])


def test_other_files_are_no_records(tmp_path: Path) -> None:
    RecordFiles(tmp_path).write(down("a"))
    (tmp_path / "hosts" / ".lifeboat-x").write_text("half", encoding="utf-8")
    (tmp_path / "hosts" / "notes.txt").write_text("mine", encoding="utf-8")
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("text", ["<p>\u00fc\n", "\udcff", "\ud800", ""], ids=ascii)
def test_a_page_is_written_whatever_a_device_has_said(tmp_path: Path, text: str) -> None:
    """JSON of a device may hold half a surrogate pair; one device must not cost the fleet its page."""
    path = RecordFiles(tmp_path).write_page("index.html", text)
    assert path == tmp_path / "index.html"
    assert path.read_bytes().decode("utf-8", "surrogateescape").startswith(text[:1] if text[:1] == "<" else "")


def test_a_folder_that_can_not_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("a file", encoding="utf-8")
    with pytest.raises(HostError, match=r"cannot make .*/hosts"):
        RecordFiles(tmp_path).write(down("a"))


def test_records_are_plain_json_for_other_programs(tmp_path: Path) -> None:
    found = record("a")
    path = RecordFiles(tmp_path).write(found).path
    text = path.read_text(encoding="ascii")
    data = json.loads(text)
    assert data.pop("row")["host"] == "a"
    assert data.pop("row_schema") == 1
    assert data == json.loads(json.dumps(found.as_dict()))
    assert text.endswith("}\n")


def test_a_file_that_is_not_finished_replaces_nothing(tmp_path: Path) -> None:
    files = RecordFiles(tmp_path)
    files.write_page("index.html", "old")
    with pytest.raises(ValueError), files.replacing("index.html") as stream:
        stream.write("half")
        raise ValueError
    assert (tmp_path / "index.html").read_text() == "old"
    assert os.listdir(tmp_path) == ["index.html"]


def test_a_file_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "index.html").mkdir()
    with pytest.raises(HostError, match=r"cannot write .*/index\.html"):
        RecordFiles(tmp_path).write_page("index.html", "new")
    assert os.listdir(tmp_path) == ["index.html"]


def test_only_what_a_killed_writer_left_long_ago_is_swept(tmp_path: Path) -> None:
    files = RecordFiles(tmp_path)
    files.write(down("a"))
    profiles = tmp_path / "profiles/a"
    profiles.mkdir(parents=True)
    (tmp_path / ".lifeboat-folder").mkdir()
    os.utime(tmp_path / ".lifeboat-folder", (0, 0))
    for folder in (tmp_path, tmp_path / "hosts", profiles):
        for name in (".lifeboat-old", ".lifeboat-young", "mine"):
            (folder / name).write_text("x")
        for name in (".lifeboat-old", "mine"):
            os.utime(folder / name, (0, 0))
    files.sweep()
    assert sorted(os.listdir(tmp_path)) == [".lifeboat-folder", ".lifeboat-young", "hosts", "mine", "profiles"]
    assert sorted(os.listdir(tmp_path / "hosts")) == [".lifeboat-young", "a.json", "mine"]
    assert sorted(os.listdir(profiles)) == [".lifeboat-young", "mine"]


def test_a_folder_that_is_not_there_is_made_and_told_once(tmp_path: Path) -> None:
    files = RecordFiles(tmp_path / "not/there")
    assert files.make() == [f"made the folder {tmp_path}/not/there, which was not there: no earlier audit is known"]
    assert files.make() == []
    (tmp_path / "a-file").write_text("x")
    with pytest.raises(HostError, match=r"cannot make .*/a-file/below"):
        RecordFiles(tmp_path / "a-file/below").make()


def test_a_file_that_is_put_in_place_meanwhile_is_not_missed(tmp_path: Path) -> None:
    """Another audit is at work: what was listed is gone when it is looked at, as a link to nowhere is."""
    (tmp_path / "hosts").mkdir()
    (tmp_path / "hosts" / ".lifeboat-moved").symlink_to("nowhere")
    RecordFiles(tmp_path).sweep()
