# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(audit): look at one host through its connection, judge on the controller, keep, draw."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from ansible.errors import AnsibleConnectionFailure, AnsibleError

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.module_utils._health.collector import ARGUMENTS, questions
from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HostState
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.checks import whole_number
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.families import load_policy
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.services import sensitive_services
from ansible_collections.lifeboat.oom.plugins.plugin_utils._action.action import Action
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.history import History
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.location import OptionalHistory
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.keep import Kept, keep
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import RecordFiles
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.run_id import this_run
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.finding import Thresholds
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.judge import Criteria, Subject, audited, not_audited
from ansible_collections.lifeboat.oom.plugins.plugin_utils._collect.limits import SECONDS, limited
from ansible_collections.lifeboat.oom.plugins.plugin_utils._collect.over_connection import (
    COLLECTORS,
    facts_in,
    look,
)
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.host_page_file import draw_host
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.terminal_summary import summarise
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.host_state import validate
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.printable_text import clean

_MOST_REASON = 1000


class ActionModule(Action):
    """Never changes the device. Whatever becomes of a host, this run has a record of it, which says so."""

    SPEC: ClassVar = {
        "declared": {"type": "raw"},
        "dropin": {"type": "str"},
        "thresholds": {"type": "raw"},
        "sensitive": {"type": "raw"},
        "collector": {"type": "str", "choices": list(COLLECTORS), "default": "auto"},
        "timeout": {"type": "int", "default": SECONDS},
        "report_dir": {"type": "str", "required": True},
    }

    def act(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        subject = Subject(self.host, this_run(), tuple(map(str, self.variables.get("group_names", ()))))
        whole_number("timeout", arguments["timeout"], 0, 10**6)
        files = RecordFiles(Path(arguments["report_dir"]))
        warnings = files.make()
        with OptionalHistory(files.folder) as history:
            kept, wrong = self._audit(subject, arguments, files, history)
        draw_host(files, kept.filed, kept.record, kept.past)
        if wrong is not None:
            raise wrong
        record = kept.record
        return {
            "changed": False,
            "reachable": record.reachable,
            "drift": [change.as_dict() for change in record.drift],
            "services": [service.as_dict() for service in record.services],
            "findings": [asdict(finding) for finding in record.findings],
            "summary": summarise(record),
            "new_findings": list(record.new_findings),
            "record": str(kept.filed.path),
            "warnings": warnings + history.warnings,
        }

    def _audit(
        self, subject: Subject, arguments: Mapping[str, Any], files: RecordFiles, history: History
    ) -> tuple[Kept, LifeboatError | None]:
        """What was kept, and what is wrong with what is declared, which is no fault of the host."""
        past, wrong = history.past(subject.host), None
        try:
            criteria = _criteria(arguments)
        except LifeboatError as error:
            wrong, found = error, not_audited(subject, _now(), True, str(error))
        else:
            try:
                with limited(arguments["timeout"]):
                    state = self._look(criteria, arguments)
                    # After a look that may take minutes: what happened since boot is reckoned back from here.
                    found = audited(subject, _now(), state, past, criteria)
            except AnsibleConnectionFailure as error:
                found = not_audited(subject, _now(), False, _reason(error))
            except Exception as error:  # whatever it is: a host that is not in the report would pass for a healthy one
                self._display.vvv(traceback.format_exc())
                found = not_audited(subject, _now(), True, _reason(error))
        return keep(files, history, past, found.record, found.read), wrong

    def _look(self, criteria: Criteria, arguments: Mapping[str, Any]) -> HostState:
        options = {name: spec.get("default") for name, spec in ARGUMENTS.items()}
        options["units"] = [service.name for service in criteria.policy.services]
        options["dropin"] = arguments["dropin"] or options["dropin"]
        options["sysctl_file"] = criteria.policy.sysctl_file or options["sysctl_file"]
        asked = questions(options)
        return validate(facts_in(look(self, arguments["collector"], options, asked, self.variables)))


def _criteria(arguments: Mapping[str, Any]) -> Criteria:
    return Criteria(
        load_policy(arguments["declared"] or {}),
        Thresholds.of(arguments["thresholds"], "thresholds"),
        sensitive_services("sensitive", arguments["sensitive"]),
    )


def _now() -> datetime:
    return datetime.now(UTC)


def _reason(error: Exception) -> str:
    """What is told of a host that failed; the name of the error where it was not foreseen."""
    said = str(error) or "no reason given"
    foreseen = isinstance(error, (LifeboatError, AnsibleError))
    return clean(said if foreseen else f"{type(error).__name__}: {said}", _MOST_REASON)
