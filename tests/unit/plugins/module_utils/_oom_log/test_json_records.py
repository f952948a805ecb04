# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log import json_records
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.json_records import read
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.parse import parse


def texts(text: str) -> list[str]:
    lines = text.split("\n")
    return ["plain " + raw if isinstance(raw, str) else raw.text for raw in read(lines, iter(lines))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"msg":"a"}\n{"msg":"b"}', ["a", "b"]),
        ('{"msg":"a"}{"msg":"b"}', ["a", "b"]),
        ('data: {"msg":"a"}\n\ndata: {"msg":"b"}', ["a", "plain ", "b"]),
        ('\x1e{"msg":"a"}\n\x1e{"msg":"b"}', ["a", "b"]),
        ('[{"msg":"a"},{"msg":"b"}]', ["a", "b"]),
        ('[\n{"msg":"a"},\n{"msg":"b"}\n]', ["plain [", "a", "b", "plain ]"]),
        ('{\n"x": {"y": [1]},\n"msg":\n"a"\n}\n{\n"msg": "b"\n}', ["a", "b"]),
        ('{\n "d": [\n  {\n  "msg": "a"\n  },{\n  "msg": "b"\n  }\n ]\n}', ["a", "b", "plain  ]", "plain }"]),
        ('{"events":[{"message":"a"},{"message":"b"}],"next":1}', ["a", "b"]),
        ('web-1  | {"msg":"a"}', ["a"]),
        ('{"log":"{\\"MESSAGE\\":\\"a\\"}\\n"}', ["a"]),
        ('{"msg":"with } and { and \\" in it"}', ['with } and { and " in it']),
        ('Nov 23 02:01:29 h app[1]: {"msg":"a"}\n{"msg":"b"}', ['plain Nov 23 02:01:29 h app[1]: {"msg":"a"}', "b"]),
        ('[ 1.0] a {b}\nif (x) {\n}', ["plain [ 1.0] a {b}", "plain if (x) {", "plain }"]),
        ('{"x":"oom-kill"}', ['plain {"x":"oom-kill"}']),
        ('{"x":"y"}', []),
        ('{"msg":"a"} oom-kill', ["a", "plain  oom-kill"]),
        ('{"msg":"a"}\n{"msg": oom-kill}', ["a", 'plain {"msg": oom-kill}']),
    ],
)  # fmt: skip
def test_json_makes_lines(text: str, expected: list[Any]) -> None:
    assert texts(text) == expected


@pytest.mark.parametrize(
    "text", ['{"a":' * 99999, '{"msg":"' + "[" * 9999 + '"}', "[" * 99999 + '{"msg":"a"}', '{"a":\n' * 9999]
)
def test_json_that_is_deep_or_never_ends_can_be_read(text: str) -> None:
    parse(text)
    parse(text + " oom-kill")


def test_only_so_much_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_records, "_MAX_CHARS", 50)
    lines = ["{", '"x": "' + "y" * 60 + '",', '"msg": "Killed process 7"', "}", '{"msg":"b"}']
    assert texts("\n".join(lines)) == ['plain "msg": "Killed process 7"', "plain }", "b"]
