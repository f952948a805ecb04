# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at a host through its connection: by the module where it has a Python, else by one command for its C(sh)."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from ansible import constants
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.module_utils._health.collector import Questions, collect
from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import Unread
from ansible_collections.lifeboat.oom.plugins.module_utils._printable import printable
from ansible_collections.lifeboat.oom.plugins.plugin_utils._collect.bare.script import render
from ansible_collections.lifeboat.oom.plugins.plugin_utils._collect.bare.snapshot import Snapshot
from ansible_collections.lifeboat.oom.plugins.plugin_utils._collect.killed_module import explained
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.printable_text import clean

COLLECTORS = ("auto", "native", "bare")
MODULE = "lifeboat.oom.memory_facts"
_PYTHON = "@python"
# What sudo says of C(requiretty): a script that comes from standard input has no terminal.
_NO_TTY = "must have a tty"
_NO_TTY_REMEDY = (
    "; the script is run without a terminal: exempt this user (Defaults:USER !requiretty, in sudoers), or log in as "
    "root, or where it has a Python set collector to native, with Ansible's pipelining off"
)
_USABLE = "import sys; sys.exit(sys.version_info < (3, 7))"


def look(
    action: ActionBase, collector: str, options: Mapping[str, Any], questions: Questions, variables: Mapping[str, Any]
) -> dict[str, Any]:
    """The result of the module memory_facts, however it was come by; I(options) are the module's own.

    Raises LifeboatError where the host answers and its answer cannot be read, and AnsibleConnectionFailure.
    """
    if collector == "native":
        return _native(action, options, variables)
    interpreters = _interpreters(action, variables) if collector == "auto" else []
    answer = ask(action, _guard(interpreters) + render(questions))
    if _PYTHON not in answer["stdout"].splitlines():
        return _facts(answer, questions, options["top"])
    try:
        result = _native(action, options, variables)
    except AnsibleConnectionFailure as error:
        # It answered just now. Ansible says the same where it finds no folder for the module to write to, as on a
        # disk that is full or read-only; the script needs none.
        result = {"failed": True, "msg": str(error)[:300]}
    # Without this key it was not the module that failed, but the Python that should have run it.
    if not result.get("failed") or result.get("unreachable") or "invocation" in result:
        return result
    answer = ask(action, render(questions))
    return _facts(answer, questions, options["top"], Unread("native collector", _said(result)))


def facts_in(answer: Mapping[str, Any]) -> Any:
    """The facts in a result of C(look()), of whatever shape.

    Raises LifeboatError where there are none, and AnsibleConnectionFailure where the host did not answer.
    """
    if answer.get("unreachable"):
        raise AnsibleConnectionFailure(str(answer.get("msg")))
    facts = told_facts(answer)
    if answer.get("failed") or facts is None:
        said = answer.get("msg") or answer.get("module_stderr") or "the module gave no facts"
        raise LifeboatError(str(said).strip())
    return facts


def told_facts(answer: Mapping[str, Any]) -> Any:
    """Those that an answer has, C(None) without any."""
    told = answer.get("ansible_facts")
    return told.get("memory_health") if isinstance(told, Mapping) else None


def _native(action: ActionBase, options: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
    """Raises LifeboatError for an answer that Ansible trips over: a forged tag of its own, or lists without end."""
    try:
        return explained(action, action._execute_module(MODULE, dict(options), task_vars=variables))
    except AnsibleError:
        raise
    except Exception as error:
        raise LifeboatError(f"Ansible cannot read what the module printed: {error}") from error


def _interpreters(action: ActionBase, variables: Mapping[str, Any]) -> Sequence[str]:
    """Those that Ansible would run a module with: the one that is set, else those that it looks for."""
    # An action is given the variables as the inventory has them, a "{{ ansible_playbook_python }}" too.
    chosen = action._templar.template(variables.get("ansible_python_interpreter"))
    if chosen and not str(chosen).startswith("auto"):
        return [str(chosen)]
    return list(constants.config.get_config_value("INTERPRETER_PYTHON_FALLBACK", variables=dict(variables)))


def _guard(interpreters: Sequence[str]) -> str:
    """Words in front of the script: it ends at once where a Python is there to do better."""
    tests = [f"{shlex.quote(each)} -c {shlex.quote(_USABLE)}" for each in interpreters]
    return "".join(f"if {test} < /dev/null > /dev/null 2>&1; then echo {_PYTHON}; exit; fi\n" for test in tests)


def ask(action: ActionBase, script: str) -> Mapping[str, Any]:
    """Run the script on the host, from standard input where the connection can: some limit what a command may hold."""
    if action._connection.has_pipelining:
        answer: Mapping[str, Any] = action._low_level_execute_command("/bin/sh -s", in_data=script.encode())
    else:
        answer = action._low_level_execute_command(script)
    return answer


def _facts(answer: Mapping[str, Any], questions: Questions, top: int, *unread: Unread) -> dict[str, Any]:
    try:
        snapshot = Snapshot(answer["stdout"])
        facts = collect(snapshot, questions).as_facts(top)
    except (LifeboatError, ValueError) as error:  # no answer of ours, or a number that is none
        said = clean(answer["stderr"].strip()[-300:]) or "nothing"
        remedy = _NO_TTY_REMEDY if _NO_TTY in said else ""
        raise LifeboatError(f"{error}; it ended with {answer['rc']} and complained of: {said}{remedy}") from error
    if snapshot.odd_names:
        unread += (Unread("files", f"{snapshot.odd_names} with a line break in their name were not looked at"),)
    facts["unread"] = [*facts["unread"], *({"what": each.what, "why": each.why} for each in unread)]
    return {"changed": False, "ansible_facts": {"memory_health": printable(facts)}}


def _said(result: Mapping[str, Any]) -> str:
    words = result.get("module_stderr") or result.get("module_stdout") or result.get("msg") or "no answer"
    return str(words).strip()[-300:]
