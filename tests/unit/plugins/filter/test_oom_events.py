# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from unit.fixtures.oom_logs.reading import HERE, expected_of, text_of

from ansible_collections.lifeboat.oom.plugins.filter.oom_events import FilterModule
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import Invoker, OomReport, Victim

oom_events = FilterModule().filters()["oom_events"]
SIDECAR = Path(__file__).parents[4] / "plugins/filter/oom_events.yml"


@pytest.mark.parametrize(
    "convert", [str, str.splitlines, lambda text: tuple(text.split("\n"))], ids=["text", "lines", "tuple"]
)
def test_a_log_becomes_a_list_of_events(convert: Any) -> None:
    text = text_of(HERE / "captured/6.1-group/journal-short.log")
    expected = expected_of(HERE / "captured/6.1-group/event.json")
    assert oom_events(convert(text)) == [dict(expected["event"], **expected["times"]["journal-short"])]


@pytest.mark.parametrize(
    "nothing", ["", [], ["", ""], "Nov 23 02:01:29 h systemd[1]: a.service: Failed with result 'oom-kill'."]
)
def test_no_event_is_an_empty_list(nothing: Any) -> None:
    assert oom_events(nothing) == []


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, "found nothing, expected text"),
        (7, "found a value of type int, expected text"),
        ({"stdout": ""}, "found a value of type dict, expected text"),
        (b"bytes", "found a value of type bytes, expected text"),
        (["a", 5], "found a value of type int as line 2, expected text"),
        (["a", None], "found nothing as line 2, expected text"),
    ],
)
def test_something_else_is_refused_by_name(value: Any, found: str) -> None:
    with pytest.raises(AnsibleFilterError, match=found) as caught:
        oom_events(value)
    assert "journalctl" in str(caught.value)


def test_every_key_of_an_event_is_documented() -> None:
    contents = yaml.safe_load(SIDECAR.read_text())["RETURN"]["_value"]["contains"]
    event = OomReport(kind="kill", invoker=Invoker(comm="a"), victims=(Victim(pid=1),)).as_dict()
    assert set(contents) == set(event)
    assert set(contents["invoker"]["contains"]) == set(event["invoker"])
    assert set(contents["victims"]["contains"]) == set(event["victims"][0])
