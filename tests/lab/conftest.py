# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures for tests on real devices: ``pytest tests/lab``. They need root and tests/lab/packages.txt."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .runner import Ansible
from .uml import Lab, Machine

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The session's lab; LAB_SUITE and LAB_KERNEL choose another Debian and another kernel."""
    chosen: dict[str, Any] = {"suite": os.environ.get("LAB_SUITE"), "kernel": os.environ.get("LAB_KERNEL")}
    with Lab(**{key: value for key, value in chosen.items() if value}) as lab:
        yield lab


@pytest.fixture
def devices(lab: Lab) -> Iterator[Callable[..., list[Machine]]]:
    """Boots as many fresh devices as asked for: ``devices(3)``, ``devices(2, memory="256M", swap="64M")``,
    ``devices(1, suite="bullseye", kernel="5.10")``.
    """
    booted: list[Machine] = []

    def boot(count: int, **options: Any) -> list[Machine]:
        fresh = lab.up_many([f"device{next(_NUMBERS)}" for _unused in range(count)], **options)
        booted.extend(fresh)
        return fresh

    yield boot
    for machine in booted:
        machine.down()


@pytest.fixture
def device(devices: Callable[..., list[Machine]]) -> Machine:
    """A fresh device."""
    return devices(1)[0]


@pytest.fixture(scope="module")
def shared_device(lab: Lab) -> Iterator[Machine]:
    """One device for all tests of a module, for those that leave it as it was."""
    machine = lab.up(f"shared{next(_NUMBERS)}")
    yield machine
    machine.down()


@pytest.fixture(scope="session")
def ansible(lab: Lab) -> Ansible:
    return Ansible(lab)


@pytest.fixture(scope="session")
def playbook(ansible: Ansible) -> Any:
    """``playbook("lifeboat.oom.site", [device], variables={…}, check=True)``"""
    return ansible.playbook


@pytest.fixture(scope="session")
def module(ansible: Ansible) -> Any:
    """``module(device, "overcommit", {"mode": 0}, check=True, diff=True)``"""
    return ansible.module


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Show the consoles of a failed test's devices."""
    report: pytest.TestReport = yield
    if report.failed:
        values = getattr(item, "funcargs", {}).values()
        for machine in (value for value in values if isinstance(value, Machine) and value.alive):
            report.sections.append((f"console of {machine.name}", machine.console()))
    return report
