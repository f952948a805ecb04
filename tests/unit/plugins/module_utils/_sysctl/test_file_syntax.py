# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of sysctl files as each loader reads them."""

from __future__ import annotations

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import Unsupported
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.file_syntax import (
    Assignment,
    normalise,
    parse,
    proc_path,
    simplified,
    swapped,
)

OLD_SYSTEMD = ("systemd-244", "systemd-243", "systemd-219")
LOADERS = ("systemd", *OLD_SYSTEMD, "procps", "procps3", "procps3-run-first", "busybox")
PATH = "/etc/sysctl.d/10-a.conf"
MODERN = ("systemd", "procps")


def said(text: str, loader: str) -> list[tuple[str, str]]:
    return [(one.key, one.value) for one in parse(text, PATH, loader).assignments]


def numbers(text: str, loader: str) -> list[int]:
    return [one.line for one in parse(text, PATH, loader).assignments]


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize(
    "line",
    [
        pytest.param("vm.swappiness = 10", id="spaces"),
        pytest.param("vm.swappiness=10", id="no spaces"),
        pytest.param("vm/swappiness=10", id="slash"),
        pytest.param("  vm.swappiness\t=\t10  ", id="blanks around"),
        pytest.param("vm.swappiness = 10\n", id="line feed at the end"),
        pytest.param("vm.swappiness = 10\r\n", id="CRLF"),
        pytest.param("\n\n# a comment\n ; another\n\nvm.swappiness = 10", id="comments and empty lines"),
    ],
)
def test_what_all_agree_on(loader: str, line: str) -> None:
    assert said(line, loader) == [("vm.swappiness", "10")]
    assert parse(line, PATH, loader).problems == ()


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("text", ["", "\n", " \t \n\n", "#", ";", "# vm.swappiness = 1", "#\n;\n"])
def test_nothing_said(loader: str, text: str) -> None:
    assert parse(text, PATH, loader) == parse("", PATH, loader)
    assert parse(text, PATH, loader).problems == ()


VALUES = [
    ("vm.x = a=b", dict.fromkeys(LOADERS, "a=b"), "an equals sign"),
    ("vm.x == 5", dict.fromkeys(LOADERS, "= 5"), "two equals signs"),
    ("vm.x = 1 2\t3", dict.fromkeys(LOADERS, "1 2\t3"), "several numbers"),
    ("vm.x = 5 # five", dict.fromkeys(LOADERS, "5 # five"), "a comment after the value is part of it"),
    ("vm.x = #5", dict.fromkeys(LOADERS, "#5"), "a value that looks like a comment"),
    ("vm.x =#5", {**dict.fromkeys(LOADERS, "#5"), "busybox": None}, "the same with no blank"),
    ("vm.x =", dict.fromkeys(MODERN, ""), "no value"),
    ("vm.x = ", dict.fromkeys(MODERN, ""), "a blank value"),
    ("vm.x = \v5", {"systemd": "\v5", "procps3": "\v5", "procps": "5", "busybox": "5"}, "a vertical tab"),
    ("vm.x = 99999999999999999999", dict.fromkeys(LOADERS, "99999999999999999999"), "more than 64 bits"),
    ("vm.x = \udcff\x1b[31m", dict.fromkeys(LOADERS, "\udcff\x1b[31m"), "neither UTF-8 nor printable"),
    ("vm.x = " + "7" * 100_000, dict.fromkeys(LOADERS, "7" * 100_000), "a long value"),
]


@pytest.mark.parametrize(
    ("line", "loader", "value"),
    [
        pytest.param(line, loader, values[loader], id=f"{what}, {loader}")
        for line, values, what in VALUES
        for loader in values
    ],
)
def test_value(line: str, loader: str, value: str | None) -> None:
    assert said(line, loader) == ([] if value is None else [("vm.x", value)])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "vm.x = 1\rvm.y = 2",
            {
                "systemd": [("vm.x", "1"), ("vm.y", "2")],
                "procps": [("vm.x", "1\rvm.y = 2")],
                "procps3": [("vm.x", "1")],
                "busybox": [("vm.x", "1\rvm.y = 2")],
            },
            id="a lone carriage return",
        ),
        pytest.param(
            "vm.x = 1\0vm.y = 2\nvm.z = 3",
            {
                "systemd": [("vm.x", "1"), ("vm.y", "2"), ("vm.z", "3")],
                "procps": [("vm.x", "1"), ("vm.z", "3")],
                "procps3": [("vm.x", "1"), ("vm.z", "3")],
                "busybox": [("vm.x", "1"), ("vm.z", "3")],
            },
            id="NUL",
        ),
        pytest.param(
            "vm.x = 1\\\n2\nvm.y = 3\\",
            {
                "systemd": [("vm.x", "1\\"), ("vm.y", "3\\")],
                "procps": [("vm.x", "1\\"), ("vm.y", "3\\")],
                "procps3": [("vm.x", "1\\"), ("vm.y", "3\\")],
                "busybox": [("vm.x", "12"), ("vm.y", "3")],
            },
            id="a backslash at the end",
        ),
        pytest.param(
            "- vm.x = 1\n--vm.y = 2",
            {
                "systemd": [("vm.x", "1"), ("-vm.y", "2")],
                "procps": [(" vm.x", "1"), ("vm.y", "2")],
                "procps3": [(" vm.x", "1"), ("-vm.y", "2")],
                "busybox": [("- vm.x", "1"), ("--vm.y", "2")],
            },
            id="odd minus signs",
        ),
        pytest.param(
            "vm..x = 1\n/vm/./y/ = 2",
            {
                "systemd": [("vm.x", "1"), ("vm.y", "2")],
                "procps": [("vm..x", "1"), (".vm./.y.", "2")],
                "procps3": [("vm..x", "1"), (".vm./.y.", "2")],
                "busybox": [("vm..x", "1"), (".vm./.y.", "2")],
            },
            id="only systemd tidies a key",
        ),
        pytest.param(
            "=vm.x = 1\n\v vm.y = 2",
            {
                "systemd": [("\v vm.y", "2")],
                "procps": [("vm.y", "2")],
                "procps3": [("vm.x", "1"), ("\v vm.y", "2")],
                "busybox": [("vm.y", "2")],
            },
            id="odd beginnings",
        ),
    ],
)
def test_where_the_loaders_differ(text: str, expected: dict[str, list[tuple[str, str]]]) -> None:
    assert {loader: said(text, loader) for loader in expected} == expected


@pytest.mark.parametrize(
    ("text", "loader", "expected"),
    [
        pytest.param("\n\nvm.x = 1\n#\nvm.y = 1\n", "systemd", [3, 5], id="systemd"),
        pytest.param("\n\nvm.x = 1\n#\nvm.y = 1\n", "procps", [3, 5], id="procps"),
        pytest.param("\r\n\r\nvm.x = 1\r\n", "systemd", [3], id="CRLF is one end, systemd"),
        pytest.param("#\r#\n\r#\0vm.x = 1", "systemd", [4], id="all ends that systemd knows"),
        pytest.param("#\r#\nvm.x = 1", "procps", [2], id="procps knows one end"),
        pytest.param("#\n\nvm.x = \\\n\\\n1\nvm.y = 2", "busybox", [3, 6], id="joined lines, busybox"),
        pytest.param("vm.x = 1\\\\\n\n\nvm.y = 2", "busybox", [1, 4], id="an end that comes to the end again"),
    ],
)
def test_line_numbers(text: str, loader: str, expected: list[int]) -> None:
    assert numbers(text, loader) == expected


@pytest.mark.parametrize("loader", [*MODERN, "systemd-244", "procps3"])
def test_a_minus_before_an_assignment(loader: str) -> None:
    assert parse("-vm.x = 1", PATH, loader).assignments == (Assignment("vm.x", "1", PATH, 1, ignore_failure=True),)


@pytest.mark.parametrize("loader", ["systemd-243", "systemd-219", "busybox"])
def test_some_take_the_minus_for_a_part_of_the_name(loader: str) -> None:
    assert parse("-vm.x = 1", PATH, loader).assignments == (Assignment("-vm.x", "1", PATH, 1),)


@pytest.mark.parametrize("loader", MODERN)
@pytest.mark.parametrize("name", ["vm.x", "vm.*"])
def test_exclusion(loader: str, name: str) -> None:
    assert parse(f" -{name} ", PATH, loader).assignments == (Assignment(name, "", PATH, 1, excludes=True),)


@pytest.mark.parametrize(
    ("key", "expected"),
    [("vm.*", True), ("vm.x?", True), ("vm.[xy]", True), ("vm.x", False), ("vm.{x,y}", False)],
)
def test_is_glob(key: str, expected: bool) -> None:
    assert Assignment(key, "1", PATH, 1).is_glob is expected


@pytest.mark.parametrize(
    ("line", "loaders", "why"),
    [
        pytest.param("vm.x 1", MODERN, "neither key = value nor -key", id="no equals sign"),
        pytest.param("[main]", MODERN, "neither key = value nor -key", id="a section"),
        pytest.param("= 1", (*MODERN, "busybox"), "no key", id="no key"),
        pytest.param("-", MODERN, "no key", id="a minus alone"),
        pytest.param("- = 1", MODERN[:1], "no key", id="a minus and a value"),
        pytest.param("/ = 1", MODERN[:1], "no key", id="a path of nothing"),
        pytest.param("vm/../kernel/panic = 1", MODERN[:1], "systemd refuses", id="dots that lead out"),
        pytest.param("-vm.*", OLD_SYSTEMD, "no value: systemd before 245", id="an old systemd knows no exclusion"),
        pytest.param("vm.x", ("procps3",), "no value", id="procps 3 without a value"),
        pytest.param("-vm.*", ("procps3",), "no value", id="procps 3 knows no exclusion"),
        pytest.param("===", ("procps3",), "no value", id="equals signs alone"),
        pytest.param("-=1", ("procps3",), "no key", id="procps 3, a minus alone"),
        pytest.param("vm.x", ("busybox",), "no value", id="BusyBox without a value"),
        pytest.param("vm.x = \t", ("busybox",), "an empty value", id="BusyBox with an empty value"),
    ],
)
def test_a_dropped_line_is_a_problem(line: str, loaders: tuple[str, ...], why: str) -> None:
    for loader in loaders:
        parsed = parse(f"\n{line}\nvm.y = 1\n", PATH, loader)
        assert [(one.text, one.path, one.line) for one in parsed.problems] == [(line.strip(), PATH, 2)]
        assert parsed.problems[0].why.startswith(why)
        assert [one.key for one in parsed.assignments] == ["vm.y"]


@pytest.mark.parametrize(
    ("length_bytes", "expected"),
    [(1024 * 1024 - 1, ["vm.x", "vm.y"]), (1024 * 1024, ["vm.x"]), (3 * 1024 * 1024, ["vm.x"])],
)
def test_systemd_stops_at_a_line_of_a_mebibyte(length_bytes: int, expected: list[str]) -> None:
    parsed = parse("vm.x = 1\n#" + "x" * (length_bytes - 1) + "\nvm.y = 1\n", PATH)
    assert [one.key for one in parsed.assignments] == expected
    assert [one.line for one in parsed.problems] == ([] if len(expected) == 2 else [2])


def test_bytes_are_counted_not_characters() -> None:
    parsed = parse("# " + "é" * (512 * 1024) + "\nvm.y = 1\n", PATH)
    assert parsed.assignments == ()
    assert "stops reading here" in parsed.problems[0].why


@pytest.mark.parametrize(
    ("written", "key"),
    [
        pytest.param("vm.swappiness", "vm.swappiness", id="dots"),
        pytest.param("vm/swappiness", "vm.swappiness", id="slashes"),
        pytest.param("net.ipv4.conf.eth0/100.forwarding", "net.ipv4.conf.eth0/100.forwarding", id="VLAN, dots"),
        pytest.param("net/ipv4/conf/eth0.100/forwarding", "net.ipv4.conf.eth0/100.forwarding", id="VLAN, slashes"),
        pytest.param("alone", "alone", id="no separator"),
        pytest.param("", "", id="empty"),
        pytest.param("/vm/x", ".vm.x", id="a leading slash is kept"),
    ],
)
def test_normalise(written: str, key: str) -> None:
    assert normalise(written) == key
    assert swapped(swapped(written)) == written


def test_normalise_leaves_a_normal_key_alone() -> None:
    assert normalise(normalise("net/ipv4/conf/eth0.100/x")) == normalise("net/ipv4/conf/eth0.100/x")


def test_proc_path() -> None:
    assert proc_path("net.ipv4.conf.eth0/100.x") == "/proc/sys/net/ipv4/conf/eth0.100/x"


@pytest.mark.parametrize(
    ("key", "expected"), [(".vm..x.", "vm.x"), ("vm./.x", "vm.x"), ("vm.a/b", "vm.a/b"), ("...", "")]
)
def test_simplified(key: str, expected: str) -> None:
    assert simplified(key) == expected


def test_an_unknown_loader_is_named() -> None:
    with pytest.raises(Unsupported, match="'sysvinit' is not a known sysctl loader: systemd, systemd-244"):
        parse("", PATH, "sysvinit")
