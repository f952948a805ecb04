# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from unit.samples import RUNTIME

from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.keys import ALL_KEYS, DEFAULTS, REMEMBERED, VOIDS


def test_every_sysctl_can_be_put_back() -> None:
    """By its default, by what it was before, or by the partner that zeroes it."""
    known = [*DEFAULTS, *REMEMBERED]
    assert len(set(known)) == len(known)
    assert set(ALL_KEYS) == {*known, *(key for key, partner in VOIDS.items() if partner in DEFAULTS)}


def test_the_device_of_the_tests_has_them_all() -> None:
    assert RUNTIME.keys() == set(ALL_KEYS)
    assert {key: RUNTIME[key] for key in DEFAULTS} == DEFAULTS
