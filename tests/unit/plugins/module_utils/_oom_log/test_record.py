# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.record import line_of


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"MESSAGE": "m", "_TRANSPORT": "kernel"}, {"kernel": True, "prefixed": True}),
        ({"MESSAGE": "m", "_TRANSPORT": "syslog"}, {"kernel": False}),
        ({"MESSAGE": "m", "_TRANSPORT": "syslog", "SYSLOG_IDENTIFIER": "kernel"}, {"kernel": False}),
        ({"MESSAGE": "m", "SYSLOG_IDENTIFIER": "kernel"}, {"kernel": True}),
        ({"message": "m", "programname": "mysqld"}, {"kernel": False}),
        ({"message": "m"}, {"kernel": None, "host": "", "timestamp": None}),
        ({"MESSAGE": [109]}, {"kernel": None}),
        ({"MESSAGE": ["m", "n"]}, {}),
        ({"MESSAGE": [[109], [110]]}, {}),
        ({"MESSAGE": "m", "_HOSTNAME": "h"}, {"host": "h"}),
        ({"MESSAGE": "Nov 23 02:01:29 i kernel: m", "_HOSTNAME": "h"}, {"host": "i", "timestamp": "Nov 23 02:01:29"}),
        ({"MESSAGE": "m", "__REALTIME_TIMESTAMP": "1512605114250000"},
         {"timestamp": "2017-12-07T00:05:14.250000+00:00", "wall_seconds": 1512605114.25}),
        ({"MESSAGE": "m", "_SOURCE_MONOTONIC_TIMESTAMP": "1500000"}, {"uptime_seconds": 1.5}),
        ({"message": "m", "timestamp": 1512605114250}, {"timestamp": "2017-12-07T00:05:14.250000+00:00"}),
        ({"message": "m", "timestamp": 1512605114}, {"timestamp": "2017-12-07T00:05:14.000000+00:00"}),
        ({"message": "m", "timeUnixNano": "1512605114250000000"}, {"timestamp": "2017-12-07T00:05:14.250000+00:00"}),
        ({"message": "m", "date": 1512605114.25}, {"timestamp": "2017-12-07T00:05:14.250000+00:00"}),
        ({"log": "[    1.5] m\n", "stream": "stdout", "time": "2017-12-07T00:05:14.25Z"},
         {"timestamp": "2017-12-07T00:05:14.25+00:00", "uptime_seconds": 1.5, "kernel": True}),
        ({"pri": 6, "time": 1.5, "msg": "m"}, {"kernel": True, "uptime_seconds": 1.5}),
        ({"pri": 14, "time": 1.5, "msg": "m"}, {"kernel": False}),
        ({"fac": "kern", "pri": "warn", "time": "2017-12-07T00:05:14,250000+01:00", "msg": "m"},
         {"kernel": True, "timestamp": "2017-12-07T00:05:14.250000+01:00"}),
        ({"fac": "daemon", "pri": "warn", "time": 1.5, "msg": "m"}, {"kernel": False}),
        ({"timestamp": "2017-12-07T00:05:14Z", "jsonPayload": {"MESSAGE": "m", "timestamp": "x"}},
         {"timestamp": "2017-12-07T00:05:14+00:00"}),
        ({"message": "m", "timestamp": True}, {"timestamp": None}),
        ({"message": "m", "timestamp": 10**30}, {"timestamp": None}),
        ({"message": "m", "timestamp": -1.5}, {"timestamp": None, "uptime_seconds": None}),
        ({"message": "m", "timestamp": float("nan")}, {"timestamp": None, "uptime_seconds": None}),
    ],
)  # fmt: skip
def test_a_record_is_a_line(record: dict[str, Any], expected: dict[str, Any]) -> None:
    line = line_of(record)
    assert line is not None
    assert line.text == "m"
    assert {name: getattr(line, name) for name in expected} == expected


@pytest.mark.parametrize(
    "record", [{}, {"MESSAGE": None}, {"MESSAGE": ""}, {"MESSAGE": []}, {"MESSAGE": [300]}, {"a": "m"}]
)
def test_a_record_without_a_message_is_none(record: dict[str, Any]) -> None:
    assert line_of(record) is None


def test_octets_that_are_no_text_show() -> None:
    line = line_of({"MESSAGE": [0xE9, 0x0A, 0x61]})
    assert line is not None
    assert line.text == "\\xe9\na"
