# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings have ids that can be relied on, and the role knows what they are judged by."""

from __future__ import annotations

from pathlib import Path

import yaml

from ansible_collections.lifeboat.oom.plugins.plugin_utils._findings.catalogue import CATALOGUE
from ansible_collections.lifeboat.oom.plugins.plugin_utils._findings.finding import SEVERITIES, Thresholds

ROOT = Path(__file__).resolve().parents[5]


def test_ids_are_unique_and_dotted() -> None:
    ids = [kind.id for kind in CATALOGUE]
    assert len(set(ids)) == len(ids) > 20
    assert all(kind.id.count(".") == 1 and kind.severity in SEVERITIES for kind in CATALOGUE)


def test_the_role_knows_every_threshold() -> None:
    specs = yaml.safe_load((ROOT / "roles/oom_audit/meta/argument_specs.yml").read_text(encoding="utf-8"))
    options = specs["argument_specs"]["main"]["options"]["oom_audit_thresholds"]["options"]
    assert list(options) == list(Thresholds.__dataclass_fields__)
