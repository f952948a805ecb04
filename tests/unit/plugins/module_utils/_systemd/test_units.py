# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, InvalidPolicy, TooMuch
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.units import (
    PROPERTIES,
    UnitProperties,
    by_name,
    parse_show,
    parse_version,
    show_argv,
)

# Taken on user-mode Linux 6.1.176: show_argv() of nine names, of which the last is an alias of the first. The unit
# pressed-air@one.service has a drop-in with spaces in its name, one with quotes, one with an umlaut, one with a line
# break and one that is a link to /dev/null; MemoryMin and MemoryLow are "infinity".
CAPTURES = Path(__file__).parent / "captures"
ALL = ["show-debian11-systemd247.txt", "show-debian12-systemd252.txt", "show-debian13-systemd257.txt"]
HOSTILE = [
    "/etc/systemd/system/pressed-air@.service.d/10 two words.conf",
    '/etc/systemd/system/pressed-.service.d/20-qu"o$te.conf',
    "/etc/systemd/system/pressed-air@one.service.d/30-\u00fcber.conf",
    "/etc/systemd/system/pressed-air@one.service.d/40-new\nline.conf",
    "/etc/systemd/system/pressed-air@one.service.d/50-masked.conf",
]


def captured(name: str) -> tuple[UnitProperties, ...]:
    return parse_show((CAPTURES / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("capture", ALL)
def test_units_come_in_the_order_of_the_question(capture: str) -> None:
    units = captured(capture)
    assert [(unit.id, unit.load_state) for unit in units if unit.id != "tmp.mount"] == [
        ("ssh.service", "loaded"),
        ("dbus.service", "loaded"),
        ("no-such.service", "not-found"),
        ("getty@tty1.service", "masked"),
        ("pressed-air@one.service", "loaded"),
        ("dbus.socket", "loaded"),
        (r"dev-disk-by\x2dlabel-none.swap", "not-found"),
        ("ssh.service", "loaded"),
    ]


@pytest.mark.parametrize("capture", ALL)
def test_each_unit_is_found_by_all_of_its_names(capture: str) -> None:
    units = by_name(captured(capture))
    assert units["sshd.service"].id == units["ssh.service"].id == "ssh.service"
    assert units["ssh.service"].names == ("ssh.service", "sshd.service")
    assert r"dev-disk-by\x2dlabel-none.swap" in units


@pytest.mark.parametrize("capture", ALL)
def test_lists_are_unquoted(capture: str) -> None:
    units = by_name(captured(capture))
    assert list(units["pressed-air@one.service"].dropin_paths) == HOSTILE
    assert units["ssh.service"].dropin_paths == ()
    assert units["dbus.service"].triggered_by == ("dbus.socket",)


def test_a_running_service_of_systemd_252() -> None:
    assert captured("show-debian12-systemd252.txt")[4] == UnitProperties(
        id="pressed-air@one.service",
        names=("pressed-air@one.service",),
        load_state="loaded",
        active_state="active",
        sub_state="running",
        unit_file_state="static",
        fragment_path="/etc/systemd/system/pressed-air@.service",
        dropin_paths=tuple(HOSTILE),
        need_daemon_reload=False,
        main_pid=3004,
        control_group=r"/system.slice/system-pressed\x2dair.slice/pressed-air@one.service",
        oom_score_adjust=-250,
        oom_policy="continue",
        memory_min_bytes=None,
        memory_low_bytes=None,
        memory_current_bytes=204800,
        memory_peak_bytes=None,
        managed_oom_preference="none",
        type="simple",
        user="nobody",
        triggered_by=(),
    )


def test_what_a_version_or_a_type_of_unit_does_not_have_is_none() -> None:
    old, current = by_name(captured(ALL[0])), by_name(captured(ALL[2]))
    assert old["ssh.service"].managed_oom_preference is None
    assert old["ssh.service"].memory_peak_bytes is None
    assert current["ssh.service"].managed_oom_preference == "none"
    assert current["ssh.service"].memory_peak_bytes == 22142976
    socket = current["dbus.socket"]
    assert (socket.main_pid, socket.oom_policy, socket.type) == (None, None, None)


def test_a_unit_that_does_not_run_has_no_process_and_no_memory() -> None:
    unit = by_name(captured(ALL[1]))["no-such.service"]
    assert (unit.main_pid, unit.memory_current_bytes, unit.control_group, unit.fragment_path) == (None, None, "", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("[not set]", None, id="not set"),
        pytest.param("[no data]", None, id="no data"),
        pytest.param("infinity", None, id="infinity"),
        pytest.param("18446744073709551615", None, id="2^64-1"),
        pytest.param("99999999999999999999", None, id="overflow"),
        pytest.param("", None, id="empty"),
        pytest.param("18446744073709551614", 2**64 - 2, id="just below"),
        pytest.param("0", 0, id="zero"),
    ],
)
def test_memory(text: str, expected: int | None) -> None:
    assert parse_show(f"Id=a.service\nMemoryCurrent={text}\n")[0].memory_current_bytes == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", (), id="empty"),
        pytest.param("/a /b", ("/a", "/b"), id="bare"),
        pytest.param('"/a b" /c', ("/a b", "/c"), id="spaces"),
        pytest.param(r'"/a\"b" "/c\\x20d" "\$\`"', ('/a"b', r"/c\x20d", "$`"), id="quotes and backslashes"),
        pytest.param(r'"/a\nb\t\001"', ("/a\nb\t\x01",), id="control characters"),
        pytest.param(r"/a\x20b /c\x5cx20d", ("/a b", r"/c\x20d"), id="as systemd 239 escapes"),
        pytest.param(r"/\xc3\xbc \xff", ("/\u00fc", "\udcff"), id="escaped bytes"),
        pytest.param('/a "', ("/a",), id="cut in a word"),
        pytest.param("\\", ("\\",), id="a backslash at the end"),
        pytest.param("/a=b", ("/a=b",), id="equals"),
    ],
)
def test_list(text: str, expected: tuple[str, ...]) -> None:
    assert parse_show(f"Id=a.service\nDropInPaths={text}\n")[0].dropin_paths == expected


def test_a_text_with_a_line_break_is_not_printed() -> None:
    assert parse_show("Id=a.service\nUser=[unprintable]\n")[0].user is None


@pytest.mark.parametrize("text", ["", "\n", "\n\n\n"], ids=["empty", "a blank line", "blank lines"])
def test_nothing_printed_is_no_unit(text: str) -> None:
    assert parse_show(text) == ()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("MainPID=1\n", "expected a line Id=UNIT", id="without Id"),
        pytest.param("Id=\nMainPID=1\n", "expected a line Id=UNIT", id="empty Id"),
        pytest.param("Id=a.service\n\nMainPID=1\n", "expected a line Id=UNIT", id="second block cut"),
        pytest.param("Failed to get properties", "'Failed to get properties'.*KEY=VALUE", id="a message"),
        pytest.param("Id=a.service\nMainPID=x\n", "MainPID 'x'.*a number", id="no number"),
        pytest.param("Id=a.service\nOOMScoreAdjust=0x10\n", "OOMScoreAdjust", id="no decimal number"),
        pytest.param("Id=a.service\nMemoryMin=" + "9" * 5000, "MemoryMin", id="a giant"),
        pytest.param("Id=a.service\nNeedDaemonReload=maybe\n", "'maybe'.*yes or no", id="no flag"),
    ],
)
def test_an_unreadable_answer_is_an_error(text: str, complaint: str) -> None:
    with pytest.raises(HostError, match=complaint) as caught:
        parse_show(text)
    assert caught.value.path == "systemctl"


@given(st.text(alphabet=st.characters() | st.sampled_from('IdNames=\n" \\x0'), max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(HostError):
        parse_show("Id=a.service\nNames=" + text)


def test_the_question_names_its_units_last() -> None:
    properties = "--property=" + ",".join(PROPERTIES)
    question = ["systemctl", "show", "--no-pager", properties, "--", "nginx.service", "getty@tty1.service"]
    assert show_argv(["nginx", "getty@tty1.service"]) == question
    assert show_argv(["app@.service", "a\\x2db@"])[-2:] == ["app@*.service", "a\\\\x2db@*.service"]
    assert show_argv(["nginx"], all_loaded=True)[-3:] == ["--", "*.service", "nginx.service"]
    assert show_argv([], all_loaded=True)[-2:] == ["--", "*.service"]


@pytest.mark.parametrize(
    ("units", "complaint"),
    [
        pytest.param([], "no unit is named", id="none"),
        pytest.param(["ssh", "*"], "a pattern", id="a pattern"),
        pytest.param(["--host=x"], "a leading '-'", id="an option"),
    ],
)
def test_a_question_that_systemctl_would_misread_is_refused(units: list[str], complaint: str) -> None:
    with pytest.raises(InvalidPolicy, match=complaint):
        show_argv(units)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("systemd 252 (252.39-1~deb12u2)\n+PAM +AUDIT\n", 252, id="Debian 12"),
        pytest.param("systemd 257 (257.13-1~deb13u1)\n", 257, id="Debian 13"),
        pytest.param("systemd 239 (239-82.el8)\n", 239, id="RHEL 8"),
        pytest.param("systemd 219\n+PAM\n", 219, id="RHEL 7"),
        pytest.param("systemd 260~rc4 (260~rc4-1)\n", 260, id="release candidate"),
    ],
)
def test_version(text: str, expected: int) -> None:
    assert parse_version(text) == expected


@pytest.mark.parametrize("text", ["", "sysvinit 2", "systemd", "systemd " + "9" * 5000, "x\nsystemd 252"])
def test_no_version_is_an_error(text: str) -> None:
    with pytest.raises(HostError, match="expected 'systemd NUMBER'"):
        parse_version(text)


def test_systemctl_of_this_host_prints_a_version_that_is_read() -> None:
    try:
        printed = subprocess.run(["systemctl", "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no systemctl here")
    assert parse_version(printed.stdout) > 200


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("Id=a.service\nNames=" + "a " * 1001, "words of Names of a.service: found 1001, expected at most 1000"),
        ("Id=a.service\n\n" * 20_001, "units: found .*, expected at most 20000"),
        (f"Id=a.service\nNames={'a ' * 900}\n\n" * 23, "units and their names: found 20700, expected at most 20000"),
        ("Id=a.service\nDescription=" + "a" * 17_000_000, "characters: found .*, expected at most 16777216"),
    ],
    ids=["words", "units", "names", "characters"],
)
def test_more_than_a_host_has_is_refused(text: str, limit: str) -> None:
    with pytest.raises(TooMuch, match=f"^systemctl show: {limit}"):
        parse_show(text)


def test_quotes_that_are_not_closed_are_read_at_once() -> None:
    (unit,) = parse_show("Id=a.service\nNames=" + '"\\' * 300_000 + "\n")
    assert len(unit.names) == 1


@pytest.mark.parametrize(
    "shown",
    [
        'Id=dev\\x2da@b.service\nNames="dev\\\\x2da@b.service"\nFragmentPath=/etc/dev\\x2da@.service\n'
        "ControlGroup=/system.slice/system-dev\\x2da.slice/dev\\x2da@b.service\n",
        "Id=dev\\x5cx2da@b.service\nNames=dev\\x5cx2da@b.service\nFragmentPath=/etc/dev\\x5cx2da@.service\n"
        "ControlGroup=/system.slice/system-dev\\x5cx2da.slice/dev\\x5cx2da@b.service\n",
    ],
    ids=["257", "239"],
)
def test_a_name_with_a_backslash_is_read_as_it_is(shown: str) -> None:
    (unit,) = parse_show(shown)
    assert (unit.id, unit.names) == ("dev\\x2da@b.service", ("dev\\x2da@b.service",))
    assert unit.fragment_path == "/etc/dev\\x2da@.service"
    assert unit.control_group == "/system.slice/system-dev\\x2da.slice/dev\\x2da@b.service"


def test_a_slice_of_older_systemd_is_read_also_where_the_unit_has_no_backslash() -> None:
    (unit,) = parse_show("Id=a-b@c.service\nNames=a-b@c.service\nControlGroup=/system.slice/system-a\\x5cx2db.slice\n")
    assert unit.control_group == "/system.slice/system-a\\x2db.slice"


def test_a_name_that_was_escaped_twice_stays() -> None:
    (unit,) = parse_show('Id=a\\x5cx2db.service\nNames="a\\\\x5cx2db.service"\nFragmentPath=/etc/a\\x5cx2db.service\n')
    assert (unit.id, unit.fragment_path) == ("a\\x5cx2db.service", "/etc/a\\x5cx2db.service")
