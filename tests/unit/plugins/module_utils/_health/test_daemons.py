# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.fake_host import FakeHost
from unit.samples import process

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, ReadOnly
from ansible_collections.lifeboat.oom.plugins.module_utils._health.daemons import (
    DAEMONS,
    OomDaemon,
    parse_cmdline,
    parse_oomd,
    read_daemons,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host

LIMIT = "[OOM]\nSwapUsedLimit={}\n"
OOMD = process(7, comm="systemd-oomd", unit="systemd-oomd.service")


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    found = FakeHost(tmp_path)
    found.has("/proc/7/cmdline", "/usr/lib/systemd/systemd-oomd\0")
    return found


def settings(host: FakeHost) -> dict[str, str]:
    (daemon,) = read_daemons(host, [OOMD])
    return dict(daemon.settings)


def test_a_daemon_is_told_with_how_it_was_started(host: FakeHost) -> None:
    host.has("/proc/9/cmdline", "/usr/bin/earlyoom\0-m\0" + "5\0")
    others = [process(8, comm="nginx"), process(10, comm="Earlyoom"), process(11, comm="earlyoom2")]
    found = read_daemons(host, [*others, process(9, comm="earlyoom", unit=None), OOMD])
    assert found == (
        OomDaemon("earlyoom", 9, None, ("-m", "5"), {}),
        OomDaemon("systemd-oomd", 7, "systemd-oomd.service", (), {}),
    )


def test_a_host_without_daemons_has_none(host: FakeHost) -> None:
    assert read_daemons(host, []) == read_daemons(host, [process(7, comm="sh")]) == ()


def test_each_name_is_as_the_kernel_cuts_it() -> None:
    assert max(map(len, DAEMONS)) == 15
    assert read_daemons(Host("/nowhere"), [process(1, comm=name) for name in DAEMONS[:1]])[0].name == DAEMONS[0]


def test_a_daemon_that_has_ended_meanwhile_is_told_without_arguments(host: FakeHost) -> None:
    assert read_daemons(host, [process(8, comm="nohang")]) == (OomDaemon("nohang", 8, "nginx.service", (), {}),)


def test_what_may_not_be_seen_is_an_error_and_not_no_arguments(host: FakeHost) -> None:
    host.failing["open", "/proc/7"] = ReadOnly("cannot open /proc/7: Permission denied", "/proc/7")
    with pytest.raises(ReadOnly, match="/proc/7"):
        read_daemons(host, [OOMD])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("earlyoom\0-r\0" + "60\0", ("earlyoom", "-r", "60")),
        ("earlyoom\0", ("earlyoom",)),
        ("a\0\0b\0\0", ("a", "", "b", "")),
        ("earlyoom\0-r\0" + "60", ("earlyoom", "-r", "60")),
        ("earlyoom -r 60", ("earlyoom -r 60",)),
        ("a\0--prefer\0^(a b|c\nd)$\0", ("a", "--prefer", "^(a b|c\nd)$")),
        ("\udcff\0<b>\0", ("\udcff", "<b>")),
        ("\0", ("",)),
        ("", ()),
    ],
    ids=[
        *["words", "one", "empty words", "cut", "overwritten", "blanks and a newline", "other bytes", "one empty word"],
        "empty",
    ],
)
def test_a_command_line_is_taken_apart(text: str, words: tuple[str, ...]) -> None:
    assert parse_cmdline(text) == words


@pytest.mark.parametrize("words", [["600"], ["600", "", "x"], ["--", "a b\n", "\udcff"]], ids=ascii)
def test_the_kernel_shows_a_command_line_so(words: list[str]) -> None:
    argv = ["earlyoom", "-c", "print('here', flush=True); input()", *words]
    with subprocess.Popen(argv, executable=sys.executable, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        with Host().process(child.pid) as folder:
            assert parse_cmdline(folder.read("cmdline")) == tuple(argv)
        child.communicate(b"\n")


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({"/usr/lib/systemd/oomd.conf": "80%"}, "80%"),
        ({"/lib/systemd/oomd.conf": "80%"}, "80%"),
        ({"/etc/systemd/oomd.conf": "70%", "/usr/lib/systemd/oomd.conf": "80%"}, "70%"),
        ({"/run/systemd/oomd.conf": "60%", "/usr/local/lib/systemd/oomd.conf": "80%"}, "60%"),
        ({"/etc/systemd/oomd.conf": None, "/usr/lib/systemd/oomd.conf": "80%"}, None),
        ({"/etc/systemd/oomd.conf": "70%", "/usr/lib/systemd/oomd.conf.d/a.conf": "80%"}, "80%"),
        ({"/etc/systemd/oomd.conf.d/a.conf": "1%", "/usr/lib/systemd/oomd.conf.d/b.conf": "2%"}, "2%"),
        ({"/etc/systemd/oomd.conf.d/b.conf": "1%", "/usr/lib/systemd/oomd.conf.d/a.conf": "2%"}, "1%"),
        ({"/etc/systemd/oomd.conf.d/a.conf": "1%", "/usr/lib/systemd/oomd.conf.d/a.conf": "2%"}, "1%"),
        ({"/run/systemd/oomd.conf.d/a.conf": "1%", "/etc/systemd/oomd.conf.d/a.conf": "2%"}, "2%"),
        ({"/etc/systemd/oomd.conf.d/a.conf": None, "/usr/lib/systemd/oomd.conf.d/a.conf": "2%"}, None),
        ({"/etc/systemd/oomd.conf.d/10.conf": "1%", "/etc/systemd/oomd.conf.d/9.conf": "2%"}, "2%"),
        ({"/etc/systemd/oomd.conf.d/a.conf.bak": "1%", "/etc/systemd/oomd.conf.d/a": "2%"}, None),
        ({}, None),
    ],
    ids=[
        *[
            "vendor",
            "unmerged",
            "administrator",
            "runtime",
            "empty hides",
            "drop-in",
            "by name, vendor",
            "by name, own",
        ],
        *["equal names mask", "etc before run", "empty masks", "not by number", "other names", "nothing"],
    ],
)
def test_the_files_of_oomd_are_layered(host: FakeHost, files: dict[str, str | None], limit: str | None) -> None:
    for path, value in files.items():
        host.has(path, "" if value is None else LIMIT.format(value))
    assert settings(host) == ({} if limit is None else {"SwapUsedLimit": limit})


@pytest.mark.parametrize("path", ["oomd.conf", "oomd.conf.d/a.conf"])
def test_a_link_to_nothing_masks(host: FakeHost, path: str) -> None:
    host.has("/usr/lib/systemd/" + path, LIMIT.format("80%"))
    assert settings(host) == {"SwapUsedLimit": "80%"}
    host.has_link("/etc/systemd/" + path, "/dev/null")
    assert settings(host) == {}


def test_only_oomd_has_the_settings_of_oomd(host: FakeHost) -> None:
    host.has("/etc/systemd/oomd.conf", LIMIT.format("70%"))
    (daemon,) = read_daemons(host, [process(7, comm="earlyoom")])
    assert daemon.settings == {}


def test_a_file_that_can_not_be_read_is_an_error(host: FakeHost) -> None:
    path = "/run/systemd/oomd.conf"
    host.failing["read", path] = HostError(f"cannot read {path}: Input/output error", path)
    with pytest.raises(HostError, match=path):
        settings(host)


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["[OOM]\nSwapUsedLimit=90%\nDefaultMemoryPressureLimit=60%\n"], ["90%", "60%"]),
        (["[OOM]\nSwapUsedLimit=90%\n", "[OOM]\nSwapUsedLimit=80%\n"], ["80%"]),
        (["[OOM]\nSwapUsedLimit=90%\n", "[OOM]\nSwapUsedLimit=\n"], []),
        (["[OOM]\nSwapUsedLimit=\nSwapUsedLimit=80%\n"], ["80%"]),
        (["  [OOM] \r\n  SwapUsedLimit = 90% \r\n"], ["90%"]),
        (["[OOM]\n#SwapUsedLimit=1%\n;SwapUsedLimit=2%\n # SwapUsedLimit=3%\n"], []),
        (["[Manager]\nSwapUsedLimit=90%\n"], []),
        (["[oom]\nSwapUsedLimit=90%\n"], []),
        (["[OOM]\nSwapUsedLimit=1%\n[Other]\nSwapUsedLimit=2%\n[OOM]\nX=a=b\n"], ["1%", "a=b"]),
        (["[OOM]\n", "SwapUsedLimit=90%\n"], []),
        (["SwapUsedLimit=90%\n"], []),
        (["[OOM\nSwapUsedLimit=90%\n"], []),
        (["[OOM]\n=\n = 90%\nSwapUsedLimit\n"], []),
        (["[OOM]\nX=<b>\x1b\x85y\nY=\udcff\nZ=1\n"], ["<b>\x1b\x85y"]),
        (["[OOM]\nSwapUsedLimit=80%\nSwapUsedLimit=90% # more\n"], ["80%"]),
        (["[OOM]\nSwapUsedLimit=101%\nDefaultMemoryPressureLimit=0.5\n"], []),
        (["[OOM]\nDefaultMemoryPressureDurationSec=1min 30s\nDefaultMemoryPressureDurationSec=20s;\n"], ["1min 30s"]),
        (["[OOM]\nSwapUsedLimit=\\\n# a remark\n80%\n"], ["80%"]),
        (["", "\n\n"], []),
        ([], []),
    ],
    ids=[
        *[
            "two",
            "last wins",
            "taken back",
            "taken back and set",
            "blanks",
            "comments",
            "another section",
            "lower case",
        ],
        *["sections", "a section ends with its file", "no section", "truncated", "no key"],
        *["hostile", "a remark behind it", "no shares", "a time", "a remark within", "empty", "none"],
    ],
)
def test_settings_are_those_of_their_section(texts: list[str], found: list[str]) -> None:
    assert list(parse_oomd(texts).values()) == found


@given(st.lists(st.lists(st.sampled_from(["[OOM]", "=", "a", " ", "#", "\n", "\udcff", "\0"])).map("".join)))
def test_any_text_is_taken(texts: list[str]) -> None:
    assert all(key and value for key, value in parse_oomd(texts).items())
    assert all("\0" not in word for text in texts for word in parse_cmdline(text))
