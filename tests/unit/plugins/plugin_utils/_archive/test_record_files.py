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

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import Spool, file_name, load_record
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import ROW_SCHEMA, row_of

hosts = st.one_of(
    st.text(max_size=120),
    st.from_regex(r"[a-z0-9~._-]{0,110}", fullmatch=True),
    st.sampled_from(
        ["web", "web/1", "web-1", "web\\1", "..", ".", "", "a~", "con", "~", "a" * 100, "a" * 101, "\ud800", "\udcff"]
    ),
)


@pytest.mark.parametrize("host", ["web", "web-1.example.org", "10.0.0.1", "_a", "A" * 100])
def test_a_usual_name_is_kept(host: str) -> None:
    assert file_name(host) == host


@pytest.mark.parametrize(
    "host", ["", ".", "..", "../../etc/passwd", "/etc/passwd", "-rf", "a\nb", "a\0b", "fe80::1%eth0"]
)
def test_a_hostile_name_is_safe_as_a_file(host: str, tmp_path: Path) -> None:
    path = Spool(tmp_path).write(host, {"host": host})
    assert path.parent == tmp_path / "hosts"
    assert os.listdir(tmp_path) == ["hosts"]
    assert [record["host"] for record in Spool(tmp_path).records()] == [host]


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
    spool = Spool(tmp_path)
    assert not spool.path_of(host).exists()
    assert spool.write(host, {"host": host}) == spool.path_of(host)
    assert load_record(spool.path_of(host))["host"] == host


def test_records_come_by_name_as_they_were_written(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "not" / "yet")
    records = [{"host": name, "comm": "\udcff\ud800 <b>\n", "n": 1.5} for name in ("b", "a", "c/d")]
    for record in records:
        spool.write(str(record["host"]), record)
    assert sorted(spool.records(), key=lambda record: record["host"]) == sorted(
        records, key=lambda record: str(record["host"])
    )
    assert [record["host"] for record in spool.records()][:2] == ["a", "b"]


def test_numbers_in_names_are_numbers(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for name in ("web-10", "web-2", "db", "10.0.0.9", "10.0.0.10"):
        spool.write(name, {"host": name})
    assert [record["host"] for record in spool.records()] == ["10.0.0.9", "10.0.0.10", "db", "web-2", "web-10"]


def test_the_first_line_of_a_record_is_its_row(tmp_path: Path) -> None:
    record = {"host": "a", "audited_at": "2026-05-04T03:02:01+00:00", "reachable": True, "state": {"big": ["x"] * 9}}
    path = Spool(tmp_path).write("a", record)
    first, _unused, rest = path.read_text().partition("\n")
    assert json.loads(first.removesuffix(",") + "}")["row"] == {"schema": ROW_SCHEMA, **vars(row_of(record))}
    # Proof that only the first line is read: the rest is gone.
    path.write_text(first + "\n" + rest[:5])
    assert [row for _unused, row in Spool(tmp_path).rows()] == [row_of(record)]


@pytest.mark.parametrize(
    "first",
    [
        '{"row": {"schema": 0, "host": "b"},',
        '{"row": {"host": "b"},',
        '{"row": {"schema": 1, "host": "b", "new_in_2": 5},',
        '{"row": {"schema": 1},',
        '{"row": [],',
        '{"row": null,',
        "{",
    ],
)
def test_a_row_of_another_version_is_made_anew(tmp_path: Path, first: str) -> None:
    (tmp_path / "hosts").mkdir()
    (tmp_path / "hosts" / "a.json").write_text(first + '\n"host": "a", "reachable": true, "state": {}}\n')
    assert [(row.host, row.level) for _unused, row in Spool(tmp_path).rows()] == [("a", "fine")]


def test_a_host_has_one_record_the_last_one(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for number in (1, 2):
        spool.write("a", {"host": "a", "number": number})
    assert [record["number"] for record in spool.records()] == [2]
    assert sorted(os.listdir(tmp_path / "hosts")) == ["a.json"]


def test_an_empty_spool_has_no_records(tmp_path: Path) -> None:
    assert list(Spool(tmp_path).records()) == []


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
        ],
    ],
    ids=lambda content: repr(content[:16]),
)
def test_a_file_that_is_no_record_is_named_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "hosts").mkdir()
    (tmp_path / "hosts" / "a.json").write_bytes(content)
    with pytest.raises(HostError, match=r"/hosts/a\.json is not a record of an audit: .*; remove it$"):
        list(Spool(tmp_path).records())


def test_a_file_that_is_no_record_does_not_hide_the_others(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for name in ("a", "b", "c"):
        spool.write(name, {"host": name, "reachable": True, "state": {}})
    (tmp_path / "hosts" / "b.json").write_bytes(b'{"host": "b"')
    (tmp_path / "hosts" / "d.json").mkdir()
    found = {row.host: (row.level, row.error) for _unused, row in spool.rows()}
    assert {host: level for host, (level, _unused) in found.items()} == {
        **dict.fromkeys("ac", "fine"),
        **dict.fromkeys("bd", "not audited"),
    }
    assert "b.json is not a record of an audit" in str(found["b"][1])


def test_other_files_are_no_records(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.write("a", {"host": "a"})
    (tmp_path / "hosts" / ".lifeboat-x").write_text("half", encoding="utf-8")
    (tmp_path / "hosts" / "notes.txt").write_text("mine", encoding="utf-8")
    assert [record["host"] for record in spool.records()] == ["a"]


@pytest.mark.parametrize("text", ["<p>\u00fc\n", "\udcff", "\ud800", ""], ids=ascii)
def test_a_page_is_written_whatever_a_device_has_said(tmp_path: Path, text: str) -> None:
    """JSON of a device may hold half a surrogate pair; one device must not cost the fleet its page."""
    path = Spool(tmp_path).write_page("index.html", text)
    assert path == tmp_path / "index.html"
    assert path.read_bytes().decode("utf-8", "surrogateescape").startswith(text[:1] if text[:1] == "<" else "")


def test_a_spool_that_can_not_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("a file", encoding="utf-8")
    with pytest.raises(HostError, match=r"/hosts/a\.json"):
        Spool(tmp_path).write("a", {"host": "a"})


def test_records_are_plain_json_for_other_programs(tmp_path: Path) -> None:
    path = Spool(tmp_path).write("a", {"host": "a", "b": [1, None]})
    text = path.read_text(encoding="ascii")
    found = json.loads(text)
    assert found.pop("row")["host"] == "a"
    assert found == {"host": "a", "b": [1, None]}
    assert text.endswith("}\n")


def test_a_file_that_is_not_finished_replaces_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.write_page("index.html", "old")
    with pytest.raises(ValueError), spool.replacing("index.html") as stream:
        stream.write("half")
        raise ValueError
    assert (tmp_path / "index.html").read_text() == "old"
    assert os.listdir(tmp_path) == ["index.html"]


def test_a_file_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "index.html").mkdir()
    with pytest.raises(HostError, match=r"cannot write .*/index\.html"):
        Spool(tmp_path).write_page("index.html", "new")
    assert os.listdir(tmp_path) == ["index.html"]


def test_only_what_a_killed_writer_left_long_ago_is_swept(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.write("a", {"host": "a"})
    for folder in (tmp_path, tmp_path / "hosts"):
        for name in (".lifeboat-old", ".lifeboat-young", "mine"):
            (folder / name).write_text("x")
        for name in (".lifeboat-old", "mine"):
            os.utime(folder / name, (0, 0))
    spool.sweep()
    assert sorted(os.listdir(tmp_path)) == [".lifeboat-young", "hosts", "mine"]
    assert sorted(os.listdir(tmp_path / "hosts")) == [".lifeboat-young", "a.json", "mine"]


def test_a_file_that_is_put_in_place_meanwhile_is_not_missed(tmp_path: Path) -> None:
    """Another audit is at work: what was listed is gone when it is looked at, as a link to nowhere is."""
    (tmp_path / "hosts").mkdir()
    (tmp_path / "hosts" / ".lifeboat-moved").symlink_to("nowhere")
    Spool(tmp_path).sweep()
