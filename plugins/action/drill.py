# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(drill): let memory run out on one device, for real, and compare with what was foretold."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

from ansible.errors import AnsibleConnectionFailure

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError, Refused
from ansible_collections.lifeboat.oom.plugins.module_utils._health.collector import ARGUMENTS, questions
from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HostState
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.forecast import Growth
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.services import service_policies
from ansible_collections.lifeboat.oom.plugins.module_utils._printable import printable
from ansible_collections.lifeboat.oom.plugins.plugin_utils._action.action import Action
from ansible_collections.lifeboat.oom.plugins.plugin_utils._collect.limits import Late, at_most
from ansible_collections.lifeboat.oom.plugins.plugin_utils._collect.over_connection import (
    COLLECTORS,
    ask,
    facts_in,
    look,
)
from ansible_collections.lifeboat.oom.plugins.plugin_utils._drill import script
from ansible_collections.lifeboat.oom.plugins.plugin_utils._drill.silence import Silence
from ansible_collections.lifeboat.oom.plugins.plugin_utils._drill.verdict import foretold, judge
from ansible_collections.lifeboat.oom.plugins.plugin_utils._drill.words import (
    forecast_lines,
    progress_line,
    verdict_lines,
)
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.host_state import validate

LONGEST_SECONDS = 3600
# After its time is up: so much longer the device may need to find its feet.
_GRACE_SECONDS = 180
_PAUSE_SECONDS = 0.5
_PROGRESS_SECONDS = 5
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class ActionModule(Action):
    """Looks, lets one process grow until it is dead, asks all the while whether the device answers, looks again."""

    SPEC: ClassVar = {
        "confirm": {"type": "str", "default": ""},
        "services": {"type": "raw"},
        "seconds": {"type": "int", "default": 120},
        "collector": {"type": "str", "choices": list(COLLECTORS), "default": "auto"},
    }

    def act(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        if not 1 <= arguments["seconds"] <= LONGEST_SECONDS:
            found = arguments["seconds"]
            raise LifeboatError(f"seconds: found {found}, expected 1 to {LONGEST_SECONDS}")
        policies = service_policies(arguments["services"] or [], "services")
        self._units = [policy.name for policy in policies]
        self._collector = arguments["collector"]
        refusal = why_not(self.host, arguments["confirm"], str(self._connection.transport))
        try:
            return self._drill(arguments["seconds"], refusal)
        except AnsibleConnectionFailure as error:
            raise LifeboatError(str(error)) from error

    def _drill(self, seconds: int, refusal: str | None) -> dict[str, Any]:
        checks = bool(self._task.check_mode)
        if refusal and not checks:
            raise Refused(refusal, {})
        before = self._look()
        refusal = refusal or why_not_here(self.host, before, _BOOT_ID)
        if refusal and not checks:
            raise Refused(refusal, {})
        growth = foretold(before)
        told = {"changed": not refusal, "forecast": printable(asdict(growth)), "refused": refusal}
        if checks:
            summary = [*forecast_lines(growth), f"would be refused: {refusal}" if refusal else "nothing was done"]
            return {**told, "summary": _under(self.host, summary)}
        usual = self._usual_seconds()
        silence = Silence()
        self._start(seconds)
        try:
            self._wait(silence, seconds + _GRACE_SECONDS, growth)
            report = script.parse_report(self._say(script.FETCH))
        finally:
            self._clean_up()
        verdict = judge(before, self._look(), growth, report, self._units)
        no_answer = {
            "longest_seconds": round(silence.longest_seconds, 2),
            "usual_seconds": round(usual, 2),
            "device_seconds": report.longest_gap_seconds,
        }
        return {
            **told,
            **printable(asdict(verdict)),
            "seconds": report.seconds,
            "no_answer": no_answer,
            "summary": _under(self.host, verdict_lines(growth, verdict, no_answer)),
        }

    def _look(self) -> HostState:
        options = {name: spec.get("default") for name, spec in ARGUMENTS.items()} | {"units": self._units}
        return validate(facts_in(look(self, self._collector, options, questions(options), self.variables)))

    def _say(self, text: str) -> str:
        return str(ask(self, text)["stdout"])

    def _start(self, seconds: int) -> None:
        answer = ask(self, script.start(seconds))
        if answer["rc"] != 0:
            said = (answer["stdout"] + answer["stderr"]).strip()[-300:]
            raise LifeboatError(f"the drill could not begin: {said or 'exit status ' + str(answer['rc'])}")

    def _usual_seconds(self) -> float:
        """How long an answer takes while all is well."""
        took = []
        for _unused in range(3):
            began = time.monotonic()
            self._say(script.ASK)
            took.append(time.monotonic() - began)
        return sorted(took)[1]

    def _wait(self, silence: Silence, seconds: float, growth: Growth) -> None:
        """Ask until it has ended there; raises LifeboatError where no such answer came in time."""
        deadline = time.monotonic() + seconds
        tell_at = 0.0
        while time.monotonic() < deadline:
            silence.asks()
            try:
                with at_most(deadline - time.monotonic()):
                    answer = script.parse_answer(self._say(script.ASK))
            except (AnsibleConnectionFailure, Late):
                answer = None
            if answer is not None:
                silence.is_answered()
                if answer.ended:
                    return
                if answer.grown_kib is not None and time.monotonic() >= tell_at:
                    self._display.display(f"{self.host}: {progress_line(answer)}")
                    tell_at = time.monotonic() + _PROGRESS_SECONDS
            time.sleep(_PAUSE_SECONDS)
        raise LifeboatError(
            f"the device did not say in {seconds:g} s that the drill has ended, and answered nothing for "
            f"{silence.longest_seconds:.0f} s at most; look at its console, it may need its plug pulled "
            f"({'; '.join(forecast_lines(growth))})"
        )

    def _clean_up(self) -> None:
        """Also done by the device itself, later, where it does not answer now."""
        try:
            with at_most(30):
                self._say(script.CLEAN_UP)
        except (AnsibleConnectionFailure, Late):
            self._display.vvv("drill: not cleaned up over the connection")


def why_not(host: str, confirmed: str, transport: str, delegate: str | None = None) -> str | None:
    """Why a drill on I(host) is out of the question, from what the controller knows; C(None) where it is not."""
    if confirmed != host:
        found = f"oom_drill_confirm names {confirmed!r}" if confirmed else "oom_drill_confirm is not set"
        return (
            f"{found}, and this is {host}; a drill exhausts the memory of a device for real and processes there are "
            f"killed. If that is what you want here, set oom_drill_confirm={host}"
        )
    if delegate and delegate != host:
        return f"the task is delegated to {delegate}, and {host} is confirmed; run the drill on {delegate} itself"
    if transport == "local":
        return f"{host} is this controller itself (its connection is local); a drill is for a device of the lab"
    return None


def why_not_here(host: str, state: HostState, boot_id: Path) -> str | None:
    """The same from what the device has said; I(boot_id) is the controller's file, which is not there on others."""
    if state.host.boot_id is None:
        return (
            f"{host} does not say which boot it is of ({boot_id}), so that it may run on the kernel of this controller"
        )
    own = boot_id.read_text().strip() if boot_id.exists() else None
    if own == state.host.boot_id:
        return f"{host} runs on the kernel of this controller, whose memory would be exhausted with it"
    return None


def _under(host: str, lines: Any) -> list[str]:
    return [f"{host}:", *(f"  {line}" for line in lines)]
