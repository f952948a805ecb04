# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which way a host is looked at; the ways themselves are tried on real ones, in tests/lab."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ansible_collections.lifeboat.oom.plugins.action import memory_facts
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.module_utils._health.collector import ARGUMENTS, questions
from ansible_collections.lifeboat.oom.plugins.plugin_utils._collect import over_connection

OPTIONS = {name: spec.get("default") for name, spec in ARGUMENTS.items()}
BARE = "@lifeboat 1\n@shell 7\n@page 4096\n@arch armv7l\n@kernel\n/proc/meminfo:MemTotal: 1000 kB\n"
BARE += "/proc/meminfo:MemFree: 500 kB\n/proc/sys/kernel/osrelease:6.1.0\n@end\n"


class Action:
    """One that runs I(module) where the host has I(python), and else its script."""

    def __init__(self, python: str, module: dict[str, Any] | Exception, printed: str = BARE) -> None:
        self._python, self._module, self._printed = python, module, printed
        self._connection = SimpleNamespace(has_pipelining=True)
        self._templar = Templar(loader=DataLoader(), variables={"ansible_playbook_python": "/opt/venv/bin/python"})

    def _low_level_execute_command(self, command: str, in_data: bytes) -> dict[str, Any]:
        found = f"if {self._python} -c ".encode() in in_data
        return {"rc": 0, "stderr": "\x1b[2Jsh: no", "stdout": "@python\n" if found else self._printed}

    def _execute_module(self, name: str, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        if isinstance(self._module, Exception):
            raise self._module
        return self._module


def look(action: Action, collector: str = "auto", **variables: Any) -> dict[str, Any]:
    return over_connection.look(action, collector, OPTIONS, questions(OPTIONS), variables)


def trusted(text: str) -> Any:
    """As a variable of an inventory is, since core 2.19."""
    try:
        from ansible.template import trust_as_template
    except ImportError:
        return text
    return trust_as_template(text)


def test_an_interpreter_may_be_a_template() -> None:
    """As for localhost in most inventories; it is what the host is asked for, and not its braces."""
    action = Action("/opt/venv/bin/python", {"ansible_facts": {}})
    assert look(action, ansible_python_interpreter=trusted("{{ ansible_playbook_python }}")) == {"ansible_facts": {}}


def test_a_host_without_room_for_a_module_is_looked_at_without_one() -> None:
    """Of a full or read-only disk Ansible says that the host cannot be reached, which it can."""
    error = AnsibleConnectionFailure("Failed to create temporary directory." + " The command" * 50)
    facts = look(Action("/usr/bin/python3", error))["ansible_facts"]["memory_health"]
    assert facts["collector"] == "bare"
    assert facts["unread"][-1]["why"].startswith("Failed to create temporary directory.")
    with pytest.raises(AnsibleConnectionFailure):
        look(Action("/usr/bin/python3", error), collector="native")


def test_an_answer_that_ansible_trips_over_is_told_in_one_sentence() -> None:
    """Such as a tag of its own serialization that a device forged, or lists without end."""
    with pytest.raises(LifeboatError, match=r"Ansible cannot read what the module printed: Object of type 'TaggedStr'"):
        look(Action("/usr/bin/python3", TypeError("Object of type 'TaggedStr' is not JSON deserializable")))


@pytest.mark.parametrize(
    "answer",
    [{}, {"ansible_facts": "x"}, {"ansible_facts": []}, {"ansible_facts": None}, {"ansible_facts": {"other": 1}}],
    ids=str,
)
def test_a_module_that_gives_no_facts_is_told(answer: dict[str, Any]) -> None:
    with pytest.raises(LifeboatError, match="the module gave no facts"):
        over_connection.facts_in(answer)


def test_what_a_device_says_besides_the_facts_does_not_reach_ansible(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would add hosts, or set variables such as the folder of the report."""
    facts = {"oom_audit_report_dir": "/etc", "ansible_connection": "local", "memory_health": {"schema": 1}}
    said = {"changed": False, "ansible_facts": facts, "add_host": {"host_name": "x"}, "add_group": "y", "results": [1]}
    monkeypatch.setattr(memory_facts, "look", lambda *_arguments: said)
    task = MagicMock(args={}, async_val=0, check_mode=False)
    action = memory_facts.ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), MagicMock())
    assert action.run(None, {}) == {"changed": False, "ansible_facts": {"memory_health": {"schema": 1}}}


def test_a_sudo_that_wants_a_terminal_is_told_with_what_to_do() -> None:
    said = {"rc": 1, "stdout": "", "stderr": "sudo: sorry, you must have a tty to run sudo\r\n"}
    action = Action("/usr/bin/python3", {})
    action._low_level_execute_command = lambda *_command, **_data: said  # type: ignore[method-assign]
    with pytest.raises(LifeboatError, match=r"tty to run sudo; the script is run without a terminal: .*!requiretty"):
        look(action)


@pytest.mark.parametrize(
    ("instead", "of"),
    [("MemFree: " + "9" * 5000, "MemFree: 500"), ("@shell x", "@shell 7"), ("", "@end")],
    ids=["a number without end", "no pid", "cut"],
)
def test_an_answer_that_is_none_is_told_in_one_sentence(instead: str, of: str) -> None:
    """Of a host that is broken or hostile; its words are no terminal's."""
    action = Action("/usr/bin/python3", {}, BARE.replace(of, instead))
    with pytest.raises(LifeboatError, match=r"it ended with 0 and complained of: .*sh: no") as raised:
        look(action, collector="bare")
    assert str(raised.value).isprintable()
