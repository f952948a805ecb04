# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from unit.fixtures.oom_logs.reading import LOGS, PREFIXES, shown, text_of

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log import line_prefix
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_prefix import (
    MAX_LINE_CHARS,
    printable,
    read_line,
)


@pytest.mark.parametrize("style", PREFIXES)
@pytest.mark.parametrize(
    "message",
    [
        "Out of memory: Killed process 1 (a)",
        "memory: usage 1kB, limit 2kB, failcnt 3",
        "[  410]     0   410      533       52   0     -17         -1000 udevd",
        "[ pid ]   uid  tgid total_vm      rss cpu oom_adj oom_score_adj name",
        "runc:[2:INIT] invoked oom-killer: gfp_mask=0x0, order=0",
        "oom_reaper: reaped process 1 (a)",
        r"Task in /a/b\x2dc.service killed as a result of limit of /a",
    ],
    ids=["kill", "usage", "row", "table", "brackets", "reaper", "escape"],
)
def test_the_message_is_what_is_left(style: str, message: str) -> None:
    for line in shown(style, [message] * 3):
        assert read_line(line).text == message
        assert read_line(line).kernel is (None if style in ("nothing", "dmesg in ISO", "time alone") else True)
        assert read_line(line).prefixed is (style != "nothing")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("[    1.234567] m", {"uptime_seconds": 1.234567}),
        ("[12345.678901] m", {"uptime_seconds": 12345.678901}),
        ("[    1.234567][T1] m", {"uptime_seconds": 1.234567}),
        ("[    1.2 <    0.0>] m", {"uptime_seconds": 1.2}),
        ("<4>[    1.5] m", {"uptime_seconds": 1.5, "kernel": True}),
        ("<30>m", {"kernel": False}),
        ("kern  :err   : [    1.5] m", {"uptime_seconds": 1.5, "kernel": True}),
        ("6,12,1500000,-;m", {"uptime_seconds": 1.5, "sequence": 12, "kernel": True}),
        ("6,12,1500000,-,caller=T1;m", {"uptime_seconds": 1.5, "sequence": 12, "kernel": True}),
        ("12,13,1500000,-;m", {"uptime_seconds": 1.5, "sequence": 13, "kernel": False}),
        ("[Thu Dec  7 00:05:14 2017] m", {"timestamp": "2017-12-07T00:05:14"}),
        ("[Do Dez  7 00:05:14 2017] m", {"timestamp": "Do Dez  7 00:05:14 2017"}),
        ("[2017-12-07T00:05:14,250000+01:00] m", {"timestamp": "2017-12-07T00:05:14.250000+01:00"}),
        ("2017-12-07T00:05:14,250000+01:00 m", {"timestamp": "2017-12-07T00:05:14.250000+01:00"}),
        ("2017-12-07T00:05:14+0100 h kernel: m", {"timestamp": "2017-12-07T00:05:14+01:00", "host": "h"}),
        ("2017-12-07T00:05:14.5Z h kernel: m", {"timestamp": "2017-12-07T00:05:14.5+00:00", "host": "h"}),
        ("2017-12-07 00:05:14 h kernel: m", {"timestamp": "2017-12-07T00:05:14", "host": "h"}),
        ("Thu 2017-12-07 00:05:14 UTC h kernel: m", {"timestamp": "2017-12-07T00:05:14+00:00", "host": "h"}),
        ("Thu 2017-12-07 00:05:14 CET h kernel: m", {"timestamp": "Thu 2017-12-07 00:05:14 CET", "host": "h"}),
        ("Thu 2017-12-07 00:05:14 -03 h kernel: m", {"timestamp": "Thu 2017-12-07 00:05:14 -03", "host": "h"}),
        ("2017-01-07T00:05:14Z h kernel: m", {"timestamp": "2017-01-07T00:05:14+00:00", "wall_seconds": 1483747514.0}),
        ("2017-13-07T00:05:14Z h kernel: m", {"timestamp": "2017-13-07T00:05:14Z", "wall_seconds": None}),
        ("Dec  7 00:05:14 h kernel: m", {"timestamp": "Dec  7 00:05:14", "host": "h"}),
        ("Dec 07 00:05:14.123456 h kernel: m", {"timestamp": "Dec 07 00:05:14.123456", "host": "h"}),
        ("Dez  7 00:05:14 h kernel: m", {"timestamp": "Dez  7 00:05:14", "wall_seconds": None, "host": "h"}),
        ("Dec  7 00:05:14 h kernel: [ 1.5] m", {"timestamp": "Dec  7 00:05:14", "uptime_seconds": 1.5}),
        ("Dec  7 00:05:14 h kernel[0]: m", {"host": "h"}),
        ("Dec  7 00:05:14 h kern.err kernel: m", {"host": "h", "kernel": True}),
        ("Dec  7 00:05:14 node1.lan kernel: m", {"host": "node1.lan", "kernel": True}),
        ("Dec  7 00:05:14 user.lan kern.warning kernel: m", {"host": "user.lan", "kernel": True}),
        ("<4>Dec  7 00:05:14 h kernel: m", {"host": "h", "kernel": True}),
        (
            "<4>1 2017-12-07T00:05:14.5Z h kernel - - - [    1.5] m",
            {"timestamp": "2017-12-07T00:05:14.5+00:00", "host": "h", "kernel": True, "uptime_seconds": 1.5},
        ),
        ('<4>1 2017-12-07T00:05:14Z - kernel 0 ID7 [a@1 b="\\] "][c] \ufeffm', {"host": "", "kernel": True}),
        ("<4>1 - h kernel - - - m", {"timestamp": None, "host": "h", "kernel": True}),
        ("Thu Dec  7 00:05:14 2017 kern.err kernel: [ 1.5] m", {"timestamp": "2017-12-07T00:05:14", "host": ""}),
        ("1512605114.250000 h kernel: m", {"timestamp": "2017-12-07T00:05:14.250000+00:00", "host": "h"}),
        ("[    1.5] h kernel: m", {"uptime_seconds": 1.5, "host": "h"}),
        ("web-1  | [    1.5] m", {"uptime_seconds": 1.5}),
        ("[pod/web-7f/web] [    1.5] m", {"uptime_seconds": 1.5}),
        ("2017-12-07T00:05:14.5Z stdout F Dec  7 01:05:14 h kernel: m", {"timestamp": "Dec  7 01:05:14"}),
        ("> > [    1.5] m", {"uptime_seconds": 1.5, "indent": 4}),
        ("\x1b[32m[    1.5] \x1b[0mm\x1b[0m", {"uptime_seconds": 1.5}),
        ("kern.log-20171207.gz-Dec  7 00:05:14 h kernel: m", {"timestamp": "Dec  7 00:05:14", "host": "h"}),
        (
            "/var/log/messages:7:2017-12-07T00:05:14Z h kernel: m",
            {"timestamp": "2017-12-07T00:05:14+00:00", "host": "h"},
        ),
        ("6.8.0-45-generic,3,12,1500000,-;m", {"uptime_seconds": 1.5, "sequence": 12, "kernel": True}),
        ("12-07 00:05:14.745     0     0 E kernel  : m", {"timestamp": "12-07 00:05:14.745", "kernel": True}),
        ("2017-12-07 00:05:14.745  root  0  0 W kernel  : m", {"timestamp": "2017-12-07T00:05:14.745", "kernel": True}),
        ("E/kernel  (    0): m", {"kernel": True}),
        ("00:05:14 h kernel: m", {"timestamp": "00:05:14", "wall_seconds": None, "host": "h", "kernel": True}),
        ("[12345.678 / 12-07 00:05:14.123] m", {"uptime_seconds": 12345.678}),
        ("<6>[    1.5s][2017:12:07 00:05:14][pid:1,cpu0,init]m", {"uptime_seconds": 1.5}),
        ("<6>[    1.5] -(0)[1:a [b] c]m", {"uptime_seconds": 1.5}),
        ("MESSAGE=m", {"kernel": None, "prefixed": True}),
        ("[Dec 7 00:05] m", {"timestamp": None, "uptime_seconds": None, "kernel": True}),
        ("[  +0.000012] m", {"timestamp": None, "uptime_seconds": None, "kernel": True}),
    ],
)
def test_a_prefix_tells_what_it_tells(raw: str, expected: dict[str, Any]) -> None:
    line = read_line(raw)
    assert line.text == "m"
    assert {name: getattr(line, name) for name in expected} == expected


@pytest.mark.parametrize(
    "raw",
    [
        "Dec  7 00:05:14 h systemd[1]: m",
        "Dec  7 00:05:14 h mysqld: m",
        "2017-12-07T00:05:14+0100 h systemd[1]: m",
        "Thu Dec  7 00:05:14 2017 daemon.err dnsmasq[20532]: m",
        "[    1.5] systemd[1]: m",
        "[    1.5] h systemd[1]: m",
        "1512605114.250000 h earlyoom[5]: m",
        "daemon:info  : [    1.5] m",
        "<8>m",
        "8,12,1500000,-;m",
        "<30>Dec  7 00:05:14 h systemd[1]: m",
        "<4>1 2017-12-07T00:05:14Z h mysqld 5 - - m",
        "<4>1 - h logger - - - Dec  7 00:05:14 h kernel: m",
        "Dec  7 00:05:14 h logger: [    1.5] m",
        "Dec  7 00:05:14 h logger: <4>m",
        "Dec  7 00:05:14 h logger: Dec  7 00:05:14 h kernel: m",
        "Dec  7 00:05:14 h user.notice kernel: m",
        "Dec  7 00:05:14 h local0.err kernel: [    1.5] m",
        "Thu Dec  7 00:05:14 2017 daemon.err kernel: [ 1.5] m",
        "Dec  7 00:05:14 h kernel[123]: m",
        "Dec  7 00:05:14 h kern.err kernel[123]: m",
        "2017-12-07T00:05:14+0100 h kernel[123]: m",
        "[    1.5] kernel[123]: m",
        "[    1.5] h user.notice kernel: m",
        "<13>Dec  7 00:05:14 h kernel: m",
        "<13>kernel: m",
        "<13>1 2017-12-07T00:05:14Z h kernel - - - m",
        "<4>1 2017-12-07T00:05:14Z h kernel 123 - - m",
        "user  :notice: [    1.5] m",
        "cron  :notice: [    1.5] m",
        "12,13,1500000,-;kernel: m",
        "12-07 00:05:14.745   512   520 I lowmemorykiller: m",
        "12-07 00:05:14.745 I/ActivityManager( 1234): m",
        "00:05:14 mysqld[4]: m",
        "user: warning: [2017-12-07T00:05:14.5Z]: m",
    ],
)
def test_what_a_program_says_is_not_the_kernels(raw: str) -> None:
    assert read_line(raw).kernel is False


@pytest.mark.parametrize(
    "raw",
    [
        "  Warning  OOMKilling  12m (x3 over 5m)  kernel-monitor  Memory cgroup out of memory: Killed process 7 (a)",
        "shop  5m  Warning  OOMKilling  node/n1  Killed process 7 (a) total-vm:8kB",
    ],
)
def test_a_table_of_kubernetes_has_lines_of_the_kernel(raw: str) -> None:
    line = read_line(raw)
    assert (line.kernel, line.prefixed) == (True, True)
    assert line.text == raw[raw.index("Memory" if "Memory" in raw else "Killed") :]


@pytest.mark.parametrize("text", ["runc:[2:INIT] invoked", "c1 invoked", "c0 cpuset=/", "10:00 is a time"])
def test_the_start_of_a_message_is_no_prefix(text: str) -> None:
    assert read_line("[ 1.5] " + text).text == text


@pytest.mark.parametrize("style", PREFIXES)
def test_the_short_way_reads_what_the_long_one_reads(style: str) -> None:
    texts = {text for path in LOGS[::7] for text in text_of(path).split("\n")[:200]}
    texts |= {
        "systemd[1]: x",
        "h kernel: x",
        "h kernel[12]: x",
        "c1 60 x",
        "[T1] x",
        "<4>x",
        "kern  :warn  : x",
        " x",
        "",
    }
    for text in texts | {"Nov 23 02:01:29 2026 kernel: x", "2026-13-23T02:01:29.5Z h kernel: x", "x \r\n"}:
        for raw in (PREFIXES[style](7) + text, text):
            assert read_line(raw) == line_prefix._read_any(raw)


def test_only_records_of_kmsg_are_unescaped_and_only_once() -> None:
    assert read_line(r"6,1,1,-;a\x5cx2db \x0a\xc3\xa9 \xff").text == "a\\x2db \n\u00e9 \\xff"
    assert read_line(r"[ 1.5] a\x2db\x0a").text == r"a\x2db\x0a"


def test_a_message_may_begin_with_a_date() -> None:
    message = "2017-12-07T00:05:14Z is when it was built"
    assert read_line("Dec  7 00:05:14 h kernel: " + message).text == message


def test_clocks_can_be_compared() -> None:
    earlier, later = read_line("Feb 29 23:59:59.5 h kernel: m"), read_line("Mar  1 00:00:00 h kernel: m")
    assert earlier.wall_seconds is not None
    assert later.wall_seconds is not None
    assert later.wall_seconds - earlier.wall_seconds == 0.5


def test_a_line_is_cut_and_printable() -> None:
    assert len(read_line("x" * 99999).text) == MAX_LINE_CHARS
    assert printable("caf\udce9\r\r\n") == r"caf\xe9"
    assert printable("\x1b[1;31mred\x1b[0m") == "red"


def test_a_sign_that_only_looks_like_a_digit_is_no_month() -> None:
    line = read_line("\u00b2 4 01:00:00 h kernel: m")
    assert (line.text, line.kernel, line.timestamp, line.wall_seconds) == ("m", True, "\u00b2 4 01:00:00", None)
