# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import InvalidPolicy, TooMuch
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.dropins import (
    HEADER,
    OUR_FOLDER,
    Assignment,
    DropIn,
    applied,
    dropin_dirs,
    dropin_folders,
    includes,
    kept,
    merge,
    own_path,
    parse,
    read_section,
    render,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.settings import KEYS

ETC, RUN, USR = "/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system"


def scored(path: str, value: int | str) -> DropIn:
    return DropIn(path, f"[Service]\nOOMScoreAdjust={value}\n")


# Each list was read off DropInPaths of systemd 252 (tests/lab/test_dropin_precedence.py asks it at random).
@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        pytest.param("foo.service", ["foo", ""], id="plain"),
        pytest.param("foo-bar.service", ["foo-bar", "foo-", ""], id="one dash"),
        pytest.param("foo-bar-baz.service", ["foo-bar-baz", "foo-bar-", "foo-", ""], id="two dashes"),
        pytest.param(
            "foo-bar-baz@in-st.service",
            [
                *("foo-bar-baz@in-st", "foo-bar-baz@", "foo-bar-", "foo-"),
                *("foo-bar-@in-st", "foo-bar-@", "foo-@in-st", "foo-@", ""),
            ],
            id="instance: the prefixes with it, as a template, and bare",
        ),
        pytest.param("a@b-c.service", ["a@b-c", "a@", ""], id="a dash of the instance does not count"),
        pytest.param("a-b@.service", ["a-b@", "a-", ""], id="template"),
        pytest.param("a-b-.service", ["a-b-", "a-", ""], id="dash at the end"),
        pytest.param("a-b--.service", ["a-b--", "a-b-", "a-", ""], id="two dashes at the end"),
        pytest.param("a---b.service", ["a---b", "a---", "a--", "a-", ""], id="three dashes inside"),
        pytest.param("a--.service", ["a--", "a-", ""], id="only dashes after a letter"),
        pytest.param("-.service", ["-", ""], id="only a dash"),
        pytest.param("-a-b.service", ["-a-b", "-a-", ""], id="a leading dash is no prefix"),
    ],
)
def test_folders_of_a_unit(unit: str, expected: list[str]) -> None:
    folders = [f"{name}.service.d" if name else "service.d" for name in expected]
    assert list(dropin_dirs(unit)) == folders


def test_folders_of_other_types() -> None:
    assert dropin_dirs("a-b.socket") == ("a-b.socket.d", "a-.socket.d", "socket.d")
    assert dropin_dirs("-.mount") == ("-.mount.d", "mount.d")


def test_folders_of_aliases_come_after_those_of_the_unit() -> None:
    assert dropin_dirs("a-b.service", ["a-b.service", "c.service", "a-d.service"]) == (
        *("a-b.service.d", "a-.service.d", "c.service.d", "a-d.service.d"),
        "service.d",
    )


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        pytest.param(219, ("a-b.service.d",), id="RHEL 7"),
        pytest.param(239, ("a-b.service.d", "a-.service.d", "service.d"), id="RHEL 8 brought service.d back"),
        pytest.param(241, ("a-b.service.d", "a-.service.d"), id="Debian 10"),
        pytest.param(244, ("a-b.service.d", "a-.service.d", "service.d"), id="244"),
    ],
)
def test_folders_that_a_version_knows(version: int, expected: tuple[str, ...]) -> None:
    assert dropin_dirs("a-b.service", version=version) == expected


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(f"{ETC}/a-b.service.d", f"{RUN}/a-b.service.d", id="etc before run"),
        pytest.param("/etc/systemd/system.control/a-b.service.d", f"{ETC}/a-b.service.d", id="control first"),
        pytest.param("/run/systemd/generator/a-b.service.d", f"{USR}/a-b.service.d", id="generator before usr"),
        pytest.param(f"{USR}/a-b.service.d", "/run/systemd/generator.late/a-b.service.d", id="late last"),
        pytest.param(f"{ETC}/a-.service.d", f"{RUN}/a-b.service.d", id="search path before specificity"),
        pytest.param(f"{RUN}/a-b.service.d", f"{RUN}/a-.service.d", id="specificity within one entry"),
        pytest.param(f"{USR}/a-b.service.d", f"{ETC}/y.service.d", id="any folder of the unit before an alias"),
        pytest.param(f"{USR}/y.service.d", f"{ETC}/x.service.d", id="aliases in the order of Names"),
        pytest.param(f"{USR}/x.service.d", f"{ETC}/service.d", id="service.d after all"),
    ],
)
def test_of_equal_names_the_first_folder_counts(first: str, second: str) -> None:
    found = [scored(f"{second}/50.conf", 2), scored(f"{first}/50.conf", 1)]
    names = ["a-b.service", "y.service", "x.service"]
    assert applied(found, "a-b.service", names) == (found[1],)
    folders = dropin_folders("a-b.service", names)
    assert folders.index(first) < folders.index(second)


def test_different_names_apply_in_their_order_over_all_folders() -> None:
    found = [
        scored(f"{USR}/foo.service.d/99-vendor.conf", 3),
        scored(f"{ETC}/foo.service.d/override.conf", 5),
        scored(f"{ETC}/foo.service.d/Z.conf", 4),
        scored(f"{ETC}/foo.service.d/10-a.conf", 1),
        scored(f"{ETC}/foo.service.d/100.conf", 2),
        scored(f"{RUN}/service.d/zz.conf", 6),
        scored(f"{RUN}/foo.service.d/\u00e9.conf", 7),
        scored(f"{RUN}/foo.service.d/\udcff.conf", 8),
    ]
    in_order = [dropin.text for dropin in applied(found, "foo.service")]
    # By bytes: 0xC3 of an e with an accent is below the 0xFF that is no UTF-8.
    assert in_order == [f"[Service]\nOOMScoreAdjust={number}\n" for number in range(1, 9)]


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(f"{ETC}/foo.service.d/.hidden.conf", id="hidden"),
        pytest.param(f"{ETC}/foo.service.d/a.conf~", id="backup"),
        pytest.param(f"{ETC}/foo.service.d/a.conf.bak", id="other suffix"),
        pytest.param(f"{ETC}/foo.service.d/deeper/a.conf", id="a folder deeper"),
        pytest.param(f"{ETC}/foobar.service.d/a.conf", id="another unit"),
        pytest.param(f"{ETC}/foo@.service.d/a.conf", id="a template of that name"),
        pytest.param("/etc/systemd/user/foo.service.d/a.conf", id="user manager"),
        pytest.param(f"{ETC}/foo.service", id="the unit file"),
        pytest.param("a.conf", id="no folder"),
        pytest.param("", id="empty"),
    ],
)
def test_other_files_do_not_apply(path: str) -> None:
    assert applied([scored(path, 1)], "foo.service") == ()


def test_a_mask_hides_its_name_and_stays_in_the_list() -> None:
    mask = DropIn(f"{ETC}/foo.service.d/50.conf", None)
    hidden = scored(f"{USR}/foo.service.d/50.conf", 1)
    merged = merge(None, [hidden, mask], "foo.service")
    assert merged.applied == (mask,)
    assert merged.winners == {}


def test_the_last_assignment_wins_and_says_where_it_is() -> None:
    fragment = scored(f"{USR}/foo.service", 1)
    early = DropIn(f"{ETC}/foo.service.d/10.conf", "[Service]\nOOMPolicy=kill\nOOMScoreAdjust=2\n")
    late = DropIn(f"{USR}/foo.service.d/99.conf", "# vendor\n[Service]\n\nOOMScoreAdjust = 3\n")
    merged = merge(fragment, [late, early], "foo.service")
    assert merged.applied == (early, late)
    assert merged.winners == {
        "OOMScoreAdjust": Assignment(late.path, 4, "OOMScoreAdjust", "3"),
        "OOMPolicy": Assignment(early.path, 2, "OOMPolicy", "kill"),
    }


def test_an_empty_value_forgets_what_was_set() -> None:
    found = [scored(f"{ETC}/foo.service.d/10.conf", 5), scored(f"{ETC}/foo.service.d/20.conf", "")]
    winner = merge(scored(f"{USR}/foo.service", 1), found, "foo.service").winners["OOMScoreAdjust"]
    assert (winner.path, winner.value) == (f"{ETC}/foo.service.d/20.conf", "")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("OOMScoreAdjust", "-1001"),
        ("OOMScoreAdjust", "ten"),
        ("OOMPolicy", ""),
        ("ManagedOOMPreference", ""),
        ("MemoryMin", "-1"),
    ],
)
def test_a_refused_value_leaves_the_earlier_one(key: str, value: str) -> None:
    good = {"OOMScoreAdjust": "5", "OOMPolicy": "kill", "ManagedOOMPreference": "omit", "MemoryMin": "1M"}[key]
    found = DropIn(f"{ETC}/foo.service.d/10.conf", f"[Service]\n{key}={good}\n{key}={value}\n")
    merged = merge(None, [found], "foo.service")
    assert merged.winners[key] == Assignment(found.path, 2, key, good)
    assert merged.refused == (Assignment(found.path, 3, key, value),)


def test_a_socket_has_its_settings_in_a_section_of_its_own() -> None:
    found = DropIn(f"{ETC}/foo.socket.d/10.conf", "[Socket]\nOOMScoreAdjust=5\n[Service]\nOOMScoreAdjust=6\n")
    assert merge(None, [found], "foo.socket").winners["OOMScoreAdjust"].value == "5"


# What systemd 252 loaded from each text, on user-mode Linux 6.1.176.
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", [], id="empty"),
        pytest.param("\n\n", [], id="blank"),
        pytest.param("A=1\n", [], id="outside of a section"),
        pytest.param("[Service]\nA=1", [(2, "A", "1")], id="no line break at the end"),
        pytest.param("[Service]\n \tA\t =  1 2  \n", [(2, "A", "1 2")], id="spaces"),
        pytest.param("[Service]\nA=x=y\n", [(2, "A", "x=y")], id="a second equals"),
        pytest.param("[Service]\nA=\n", [(2, "A", "")], id="empty value"),
        pytest.param('[Service]\nA="1"\n', [(2, "A", '"1"')], id="quotes stay"),
        pytest.param("[Service]\nA=1 # x\n", [(2, "A", "1 # x")], id="no comment behind a value"),
        pytest.param("[Service]\n# A=1\n  ; A=2\n", [], id="comments"),
        pytest.param("[Service]\n# A=1 \\\nB=2\n", [(3, "B", "2")], id="a comment is not continued"),
        pytest.param("[Service]\n=1\njunk\nA=2\n", [(4, "A", "2")], id="lines that are no assignment"),
        pytest.param("[service]\nA=1\n", [], id="lower case section"),
        pytest.param("[ Service ]\nA=1\n", [], id="spaces in the section"),
        pytest.param(" [Service] \nA=1\n", [(2, "A", "1")], id="spaces around the section"),
        pytest.param("[Unit]\nA=1\n[X-Ours]\nA=2\n[]\nA=3\n", [], id="other sections"),
        pytest.param("[Service]\nA=1\n[Unit]\nA=2\n[Service]\nA=3\n", [(2, "A", "1"), (6, "A", "3")], id="repeated"),
        pytest.param("[Service]\nA=1\n[broken\nA=2\n[Service]\nA=3\n", [(2, "A", "1")], id="broken header ends it"),
        pytest.param("[Service] # x\nA=1\n", [], id="a header with a comment ends it"),
        pytest.param("[Service]\nA=1\n[\n[Service]\nA=2\n", [(2, "A", "1")], id="a lone bracket ends it"),
        pytest.param("[Ser\\vice]\n[Service]\nA=1\n", [], id="a backslash in a header ends it"),
        pytest.param("[Service]\nA=1\nB=\udcff\nA=2\n", [(2, "A", "1")], id="a line that is not UTF-8 ends it"),
        pytest.param("[Service]\n# \udcff\nA=2\n", [(3, "A", "2")], id="a comment need not be UTF-8"),
        pytest.param("[Service]\nA=1\n\uffff\nA=2\n", [(2, "A", "1")], id="a noncharacter ends it"),
        pytest.param("[Service]\nA=\\\n1\n", [(2, "A", "1")], id="continued"),
        pytest.param("[Service]\nA=1\\\n2\n", [(2, "A", "1 2")], id="continued with a space"),
        pytest.param("[Service]\nA=\\\n# c\n; d\n  1\n", [(2, "A", "1")], id="continued past comments"),
        pytest.param("[Service]\nA=1\\\n\nB=2\n", [(2, "A", "1"), (4, "B", "2")], id="a blank line ends it"),
        pytest.param("[Service]\nA=1 \\", [(2, "A", "1")], id="continued to the end of the file"),
        pytest.param("[Service]\nA=1\\\\\nB=2\n", [(2, "A", "1\\\\"), (3, "B", "2")], id="two backslashes"),
        pytest.param("[Service]\r\nA=1\r\n", [(2, "A", "1")], id="DOS"),
        pytest.param("[Service]\rA=1\0B=2\n\rC=3", [(2, "A", "1"), (3, "B", "2"), (4, "C", "3")], id="CR, NUL, LF CR"),
        pytest.param("\ufeff[Service]\nA=1\n", [(2, "A", "1")], id="BOM"),
        pytest.param("# c\n\ufeff[Service]\nA=1\n", [(3, "A", "1")], id="BOM after a comment"),
        pytest.param("\ufeff\ufeff[Service]\nA=1\n", [], id="two BOMs"),
        pytest.param("[Service]\nA=1\x0b\n", [(2, "A", "1\x0b")], id="a vertical tab is no space"),
        pytest.param("[Service]\nA=1\u2028B=2\x85\n", [(2, "A", "1\u2028B=2\x85")], id="no other line breaks"),
    ],
)
def test_read_section(text: str, expected: list[tuple[int, str, str]]) -> None:
    assert list(read_section(text)) == expected


A, B, C = (2, "A", "1"), (3, "B", "2"), (4, "B", "2")


@pytest.mark.parametrize(
    ("text", "since", "before", "now"),
    [
        pytest.param("A=1\\\n# c\nB=2", 243, [(2, "A", "1 # c"), C], [(2, "A", "1 B=2")], id="comment in joined lines"),
        pytest.param("# c\\\nA=1\nB=2", 243, [C], [(3, "A", "1"), C], id="a comment joins the next line"),
        pytest.param("A=1\njunk\nB=2", 243, [A], [A, C], id="a line that is no assignment ends it"),
        pytest.param("A=1\n[X-Ours]\njunk\n", 243, [A], [A], id="in any other section it does not"),
        pytest.param("A=1\n=5\nB=2", 243, [A, C], [A, C], id="no key"),
        pytest.param("A=1\rB=2", 240, [(2, "A", "1\rB=2")], [A, B], id="a CR ends no line"),
        pytest.param("A=1\r\nB=2\r\n", 240, [A, B], [A, B], id="DOS"),
        pytest.param("A=1\0B=2", 240, [A, B], [A, B], id="NUL"),
        pytest.param("A=1\nB=2\\", 239, [A], [A, B], id="a joined line at the end is lost"),
        pytest.param("A=1\nB=\udcff", 239, [A, (3, "B", "\udcff")], [A], id="not UTF-8"),
        pytest.param("A=1\n['x']\n[Service]\nA=2", 251, [A, (5, "A", "2")], [A], id="a quote in a header"),
        pytest.param("A=1\n.include  x \nB=2", 246, [A, (3, ".include", "x"), C], [A, C], id="include"),
        pytest.param("A=1\n.includes x\nB=2", 246, [A, C], [A, C], id="no include"),
    ],
)
def test_older_versions_read_otherwise(
    text: str, since: int, before: list[tuple[int, str, str]], now: list[tuple[int, str, str]]
) -> None:
    text = "[Service]\n" + text
    assert list(read_section(text, version=since - 1)) == before
    assert list(read_section(text, version=since)) == now == list(read_section(text))


SYSTEMD = "/usr/lib/systemd/system/"
VENDOR = DropIn(SYSTEMD + "a.service", "[Service]\nOOMScoreAdjust=1\n")


def included(text: str, *others: DropIn, version: int = 219) -> Assignment | None:
    fragment = DropIn(ETC + "/a.service", text)
    return merge(fragment, [], "a.service", version=version, included=(VENDOR, *others)).winners.get("OOMScoreAdjust")


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        (f".include {VENDOR.path}\n", VENDOR.path, 2),
        (f".include {VENDOR.path}\n[Service]\nOOMScoreAdjust=2\n", ETC + "/a.service", 3),
        (f"[Service]\nOOMScoreAdjust=2\n.include {VENDOR.path}\n", VENDOR.path, 2),
        (f"[Service]\n.include {VENDOR.path}\nOOMScoreAdjust=2\n", ETC + "/a.service", 3),
        ("[Service]\nOOMScoreAdjust=2\n.include nothing\n", ETC + "/a.service", 2),
        (f"[Service]\nOOMScoreAdjust=2\n#.include {VENDOR.path}\n", ETC + "/a.service", 2),
    ],
    ids=["alone", "before", "behind", "within a section", "not there", "a comment"],
)
def test_older_versions_include_files(text: str, path: str, line: int) -> None:
    assert included(text) == Assignment(path, line, "OOMScoreAdjust", "1" if path == VENDOR.path else "2")
    assert included(text, version=245) == included(text)
    newer = included(text, version=246)
    assert newer is None or newer.path == ETC + "/a.service"


def test_a_file_that_includes_itself_comes_to_an_end() -> None:
    own = DropIn(SYSTEMD + "b", f".include b\n.include {ETC}/a.service\n[Service]\nOOMScoreAdjust=3\n.include b\n")
    assert included(f".include {own.path}\n", own, version=239) == Assignment(own.path, 4, "OOMScoreAdjust", "3")
    inner = DropIn(SYSTEMD + "b", ".include a.service\n")
    assert included(f".include {inner.path}\n", inner, version=236) == Assignment(VENDOR.path, 2, "OOMScoreAdjust", "1")
    assert included(f".include {inner.path}\n", inner, version=235) is None


def test_a_drop_in_includes_nothing() -> None:
    line = DropIn(f"{ETC}/a.service.d/x.conf", f".include {VENDOR.path}\n")
    assert merge(None, [line], "a.service", version=219, included=[VENDOR]).winners == {}


def test_more_than_somebody_includes_is_refused() -> None:
    with pytest.raises(TooMuch, match=r"^/etc/systemd/system/a.service: files that it includes: .* at most 10"):
        included(f".include {VENDOR.path}\n" * 11)


@pytest.mark.parametrize(("version", "taken"), [(219, False), (238, False), (239, True), (252, True)])
def test_older_versions_refuse_an_empty_score(version: int, taken: bool) -> None:
    found = merge(scored(f"{USR}/a.service", 5), [scored(f"{ETC}/a.service.d/x.conf", "")], "a.service", (), version)
    assert found.winners["OOMScoreAdjust"].value == ("" if taken else "5")
    assert bool(found.refused) is not taken


def test_long_texts_are_read_at_once() -> None:
    """Each would take an hour, were what has been read copied for each line."""
    joined = "[Service]\nA=" + "a\\\n" * 300_000 + "\nOOMScoreAdjust=1\n"
    for version in (219, 252):
        assert [key for _line, key, _value in read_section(joined, version=version)] == ["A", "OOMScoreAdjust"]
    assert next(read_section("[Service]\nA=" + "\\" * 500_000 + "\n" * 500_000))[0] == 2
    # As systemd, which reads no line that is longer.
    assert list(read_section("[Service]\nA=1\nB=" + "a\\\n" * 600_000 + "\nC=1\n")) == [(2, "A", "1")]


def test_a_name_with_many_dashes_has_as_many_folders() -> None:
    unit = "a-" * 2000 + "b@x.service"
    assert len(dropin_dirs(unit)) == 3 * 2000 + 3
    assert len(set(dropin_dirs(unit))) == 3 * 2000 + 3


@given(st.text(st.characters() | st.sampled_from("[]=\\\n\r\0#; "), max_size=200))
def test_any_text_is_read(text: str) -> None:
    for line, key, value in read_section("[Service]\n" + text):
        assert line >= 2
        assert key == key.strip(" \t\n\r")
        assert value == value.strip(" \t\n\r")


def test_render() -> None:
    text = render({"OOMScoreAdjust": -500, "MemoryMin": "64M", "OOMPolicy": ""}, "Managed by us.\n\nDo not edit \u2713")
    assert text == (
        "# Managed by us.\n#\n# Do not edit \u2713\n[Service]\nMemoryMin=64M\nOOMPolicy=\nOOMScoreAdjust=-500\n"
    )
    assert parse(text) == {"MemoryMin": "64M", "OOMPolicy": "", "OOMScoreAdjust": "-500"}
    assert parse(render({"OOMScoreAdjust": 1}, "", "Socket"), "Socket") == {"OOMScoreAdjust": "1"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param("OOMScoreAdjust", "1\nExecStart=/bin/sh", id="line break"),
        pytest.param("OOMScoreAdjust", "1\rNice=0", id="carriage return"),
        pytest.param("OOMScoreAdjust", "1\0", id="NUL"),
        pytest.param("OOMScoreAdjust", "1\\", id="backslash at the end"),
        pytest.param("OOMScoreAdjust", " 1", id="space"),
        pytest.param("OOMScoreAdjust", "\udcff", id="not UTF-8"),
        pytest.param("A=B", "1", id="equals in the key"),
        pytest.param("[Unit]\nA", "1", id="section in the key"),
        pytest.param("#A", "1", id="comment"),
        pytest.param("", "1", id="no key"),
    ],
)
def test_what_would_not_be_read_back_is_not_rendered(key: str, value: str) -> None:
    with pytest.raises(InvalidPolicy, match="a unit file cannot hold it"):
        render({key: value}, "")


@given(
    st.dictionaries(st.from_regex(r"[A-Za-z]{1,8}", fullmatch=True), st.text(max_size=20) | st.integers()), st.text()
)
def test_what_is_rendered_is_read_back(settings: dict[str, object], header: str) -> None:
    try:
        text = render(settings, header)
    except InvalidPolicy:
        return
    assert parse(text) == {key: str(value) for key, value in settings.items()}


def test_own_path() -> None:
    assert own_path("app@") == f"{ETC}/app@.service.d/zz-lifeboat-oom.conf"
    assert own_path("a..b.service") == f"{ETC}/a..b.service.d/zz-lifeboat-oom.conf"
    with pytest.raises(InvalidPolicy, match="found a path"):
        own_path("../etc/passwd")


LINES = (
    *("[Service]", "[Unit]", "[Service", "[a b]", "[", '["a]', "[Service] ", "# no", " ; no \\", "#\\", "", " ", "\\"),
    *("OOMScoreAdjust=5", "OOMScoreAdjust = -500 ", "OOMScoreAdjust=", "OOMScoreAdjust=5 \\", "OOMScoreAdjust=\\"),
    *("OOMScoreAdjust=secret", "OOMScoreAdjust=5 # no", "OOMPolicy=kill\\\\", "MemoryMin=1G 512M", "oomscoreadjust=1"),
    *("Environment=A=secret", "Environment=\\", "secret", "secret \\", "\udcff", "Environment=\udcff"),
    *("\ufeff[Service]", "\ufeffOOMScoreAdjust=7", "OOMScoreAdjust=\u0661", ".include /etc/a", ".includes", "-5", "10"),
)


@pytest.mark.parametrize("version", [219, 239, 247, 257])
def test_what_is_kept_of_a_text_is_read_as_the_text_itself(version: int) -> None:
    chance = random.Random(version)
    ends = ["\n", "\n", "\r\n"]
    for _unused in range(2000):
        text = "".join(line + chance.choice(ends) for line in chance.choices(LINES, k=chance.randint(1, 8)))
        shown = kept(text, version)
        assert kept(shown, version) == shown
        assert "secret" not in shown
        read, again = (merge(DropIn("/a.service", each), (), "a.service", (), version) for each in (text, shown))
        assert [each.line for each in read.refused] == [each.line for each in again.refused], repr((text, shown))
        winners = [{key: each.winners[key] for key in KEYS if key in each.winners} for each in (read, again)]
        assert winners[0] == winners[1], repr((text, shown))
        assert includes(DropIn("/a.service", text), version) == includes(DropIn("/a.service", shown), version), repr(
            (text, shown)
        )


def test_our_own_drop_in_is_kept_whole() -> None:
    text = render({"OOMScoreAdjust": -500, "MemoryMin": "10%", "OOMPolicy": "stop"}, HEADER + "\n" + OUR_FOLDER)
    assert kept(text) == text
