# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof, both halves; the same code as ``make proof`` runs for a person."""

from __future__ import annotations

from .proof import NEWCOMER, protected, unprotected
from .runner import Ansible
from .uml import Machine


def test_without_the_collection_the_vital_service_dies_first(ansible: Ansible, device: Machine) -> None:
    story = unprotected(ansible, device)
    assert story.foretold == "vital.service"
    assert story.killed[0] == "vital"
    assert not story.vital_kept_its_pid
    assert "vital.service" in story.reported


def test_with_it_the_leak_dies_and_the_vital_service_lives(ansible: Ansible, device: Machine) -> None:
    story = protected(ansible, device)
    assert story.foretold == NEWCOMER
    assert story.killed == ("leak",)
    assert story.vital_kept_its_pid and story.vital_answers and story.ssh_answers
    assert story.reported == ("leak.service",)
    assert story.finding_ids == ("oom.recent_kill",)
