# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleLookupError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.lookup import LookupBase

from ansible_collections.lifeboat.oom.plugins.lookup import matching

VARIABLES = {"groups": {"all": ["web", "kiosk"], "kiosks": ["kiosk"]}, "ansible_play_hosts_all": ["web", "kiosk"]}
LIMITED = {**VARIABLES, "ansible_limit": "web", "ansible_play_hosts_all": ["web"]}


def ask(terms: list[Any], variables: dict[str, Any]) -> list[Any]:
    lookup: LookupBase = matching.LookupModule(loader=DataLoader())
    found: list[Any] = lookup.run(terms, variables)
    return found


@pytest.mark.parametrize(
    ("terms", "variables"),
    [
        (["all"], VARIABLES),
        (["kiosk*"], VARIABLES),
        (["web,nobody"], VARIABLES),
        (["all:!kiosks"], LIMITED),
        (["localhost"], {"groups": {}, "ansible_play_hosts_all": []}),
    ],
)
def test_a_pattern_of_hosts_is_itself(terms: list[Any], variables: dict[str, Any]) -> None:
    assert ask(terms, variables) == terms
    assert ask([terms], variables) == terms


@pytest.mark.parametrize(
    ("terms", "variables", "said"),
    [
        (["kioks"], VARIABLES, "found no host that matches kioks, expected at least one"),
        (["kiosks"], LIMITED, "found no host that matches kiosks within --limit web, expected at least one"),
        (["all"], {"groups": {}, "ansible_play_hosts_all": []}, "found no host that matches all, "),
        (["localhost"], {**LIMITED, "groups": {}}, "found no host that matches localhost within --limit web"),
    ],
)
def test_a_pattern_of_nobody_is_an_error(terms: list[Any], variables: dict[str, Any], said: str) -> None:
    with pytest.raises(AnsibleLookupError, match=said):
        ask(terms, variables)


def test_what_does_not_run_the_play_needs_no_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching.context, "CLIARGS", {"syntax": True})
    assert ask(["nobody"], VARIABLES) == ["nobody"]
