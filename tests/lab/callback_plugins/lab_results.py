# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Appends every task's whole result as a line of JSON to the file named by LAB_RESULTS."""

from __future__ import annotations

import json
import os
from functools import partialmethod
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: lab_results
type: notification
short_description: Task results as JSON lines
description:
  - Appends the whole result of every task on every host to a file, for tests to read.
options: {}
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "lab_results"
    CALLBACK_NEEDS_ENABLED = True

    def _record(self, status: str, result: Any, ignore_errors: bool = False) -> None:
        line = {
            "host": result._host.get_name(),
            "task": result._task.get_name(),
            "status": status,
            "result": {key: value for key, value in result._result.items() if not key.startswith("_ansible_")},
        }
        with open(os.environ["LAB_RESULTS"], "a", encoding="utf-8") as file:
            file.write(json.dumps(line, default=str) + "\n")

    v2_runner_on_ok = partialmethod(_record, "ok")
    v2_runner_on_failed = partialmethod(_record, "failed")
    v2_runner_on_skipped = partialmethod(_record, "skipped")
    v2_runner_on_unreachable = partialmethod(_record, "unreachable")
