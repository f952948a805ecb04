# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings have ids that can be relied on, and the role knows what they are judged by."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml

from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record import SEVERITIES
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings import catalogue
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.catalogue import CATALOGUE
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.finding import Kind, Thresholds

ROOT = Path(__file__).resolve().parents[6]


def texts(paths: Iterable[Path], but: str) -> str:
    return "".join(path.read_text(encoding="utf-8") for path in paths if path.name != but)


def test_ids_are_unique_and_dotted() -> None:
    ids = [kind.id for kind in CATALOGUE]
    assert len(set(ids)) == len(ids) > 20
    assert all(kind.id.count(".") == 1 and kind.severity in SEVERITIES for kind in CATALOGUE)


@pytest.mark.parametrize("kind", CATALOGUE, ids=lambda kind: kind.id)
def test_what_a_kind_expects_names_thresholds_that_there_are(kind: Kind) -> None:
    assert kind.found(Thresholds(), "x", "x").expected


def test_every_kind_is_found_by_a_rule_and_in_a_test() -> None:
    rules = texts((ROOT / "plugins/plugin_utils").rglob("*.py"), but="catalogue.py")
    names = [name for name, value in vars(catalogue).items() if isinstance(value, Kind)]
    assert [name for name in names if not re.search(rf"\b{name}\b", rules)] == []
    tests = texts((ROOT / "tests/unit/plugins").rglob("test_*.py"), but="test_catalogue.py")
    ids = [kind.id.replace("VERDICT", "") for kind in CATALOGUE]
    assert [each for each in ids if f'"{each}' not in tests] == []


def test_the_role_knows_every_threshold() -> None:
    specs = yaml.safe_load((ROOT / "roles/oom_audit/meta/argument_specs.yml").read_text(encoding="utf-8"))
    options = specs["argument_specs"]["main"]["options"]["oom_audit_thresholds"]["options"]
    assert list(options) == list(Thresholds.__dataclass_fields__)
