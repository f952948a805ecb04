# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import InvalidPolicy
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.names import canonical, parse, split


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("nginx", "nginx.service", id="without a type"),
        pytest.param("nginx.service", "nginx.service", id="with its type"),
        pytest.param("getty@tty1.service", "getty@tty1.service", id="instance"),
        pytest.param("app@inst", "app@inst.service", id="instance without a type"),
        pytest.param("app@.service", "app@.service", id="template"),
        pytest.param("app@", "app@.service", id="template without a type"),
        pytest.param("a@b@c", "a@b@c.service", id="the instance may hold an @"),
        pytest.param("app@1.2", "app@1.2.service", id="the instance may hold a dot"),
        pytest.param("org.example.App", "org.example.App.service", id="a dot is no type"),
        pytest.param("nginx.Service", "nginx.Service.service", id="types are lower case"),
        pytest.param("dbus.socket", "dbus.socket", id="socket"),
        pytest.param("tmp.mount", "tmp.mount", id="mount"),
        pytest.param(r"dev-disk-by\x2dlabel-a.swap", r"dev-disk-by\x2dlabel-a.swap", id="escaped swap"),
        pytest.param("a:b_c", "a:b_c.service", id="every kind of character"),
        pytest.param("a" * 247, "a" * 247 + ".service", id="255 bytes"),
    ],
)
def test_canonical_name(name: str, expected: str) -> None:
    assert canonical(name) == expected
    assert canonical(expected) == expected


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        pytest.param("", "found nothing", id="empty"),
        pytest.param("-nginx", "found a leading '-'", id="an option"),
        pytest.param("--root=/tmp", "found a leading '-'", id="a long option"),
        pytest.param("a b", "found ' '", id="space"),
        pytest.param("a\nOOMScoreAdjust=1", r"found '\\n'", id="line break"),
        pytest.param("nginx\n", r"found '\\n'", id="line break at the end"),
        pytest.param("a\0b", r"found '\\x00'", id="NUL"),
        pytest.param("/etc/passwd", "found '/'", id="absolute path"),
        pytest.param("../../etc/x", r"found a leading '\.'", id="a way up"),
        pytest.param(".hidden", r"found a leading '\.'", id="a hidden file"),
        pytest.param("a..b", r"found '\.\.'", id="two dots"),
        pytest.param("a.", r"found '\.\.'", id="two dots once it has a type"),
        pytest.param("*.service", "found a pattern", id="star"),
        pytest.param("app@[12]", "found a pattern", id="set"),
        pytest.param("ngin?", "found a pattern", id="question mark"),
        pytest.param("caf\u00e9", "found '\u00e9'", id="not ASCII"),
        pytest.param("\u0661", "found '\u0661'", id="a digit, but not ASCII"),
        pytest.param("\udcff", "found", id="not UTF-8"),
        pytest.param("a;reboot", "found ';'", id="shell"),
        pytest.param("a%i", "found '%'", id="specifier"),
        pytest.param("@tty1", "found nothing before its '@'", id="instance of nothing"),
        pytest.param(".service", r"found a leading '\.'", id="only a type"),
        pytest.param("a" * 248, "found 256 bytes, expected at most 255", id="256 bytes"),
        pytest.param("user.slice", "found the type 'slice'.*starts no process", id="slice"),
        pytest.param("session-1.scope", "found the type 'scope'", id="scope"),
        pytest.param("apt-daily.timer", "found the type 'timer'.*name the service", id="timer"),
        pytest.param("multi-user.target", "found the type 'target'", id="target"),
        pytest.param("a.path", "found the type 'path'", id="path"),
        pytest.param("a.device", "found the type 'device'", id="device"),
        pytest.param("a.automount", "found the type 'automount'", id="automount"),
    ],
)
def test_a_bad_name_is_refused_with_the_reason(name: str, complaint: str) -> None:
    with pytest.raises(InvalidPolicy, match=complaint) as caught:
        canonical(name)
    assert re.fullmatch(r"unit name .*: found .+, expected .+; .+", str(caught.value))


@pytest.mark.parametrize(
    ("name", "template_of", "is_template", "section"),
    [
        pytest.param("nginx", None, False, "Service", id="plain"),
        pytest.param("app@.service", None, True, "Service", id="template"),
        pytest.param("app@a@b.socket", "app@.socket", False, "Socket", id="instance"),
        pytest.param("tmp.mount", None, False, "Mount", id="mount"),
    ],
)
def test_parts(name: str, template_of: str | None, is_template: bool, section: str) -> None:
    unit = parse(name)
    assert (unit.template_of, unit.is_template, unit.section) == (template_of, is_template, section)
    assert unit.is_instance == (template_of is not None)


@pytest.mark.parametrize("name", ["-.mount", "user.slice", "init.scope", "a@b.device", "", "@.service"])
def test_what_systemd_reports_is_taken_apart_unchecked(name: str) -> None:
    assert str(split(name)) in (name, name + ".service")


@given(st.text(max_size=300) | st.from_regex(r"[a-z.@:_\\-]{1,20}"))
def test_any_text_is_a_name_or_refused(name: str) -> None:
    try:
        unit = canonical(name)
    except InvalidPolicy:
        return
    assert re.fullmatch(r"[A-Za-z0-9:_.\\@-]{1,255}", unit)
    assert canonical(unit) == unit
    assert str(parse(unit)) == unit
