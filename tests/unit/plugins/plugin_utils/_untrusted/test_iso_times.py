# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.iso_times import seconds


@pytest.mark.parametrize(
    ("when", "found"),
    [
        ("1970-01-02T00:00:00+00:00", 86_400),
        ("1970-01-02T01:00:00+01:00", 86_400),
        ("1970-01-02T00:00:00", 86_400),
        ("Mar  3 04:05:06", None),
        ("1969-12-31T23:59:59+00:00", None),
        ("0001-01-01T00:00:00+23:00", None),
        ("9999-12-31T23:59:59-23:00", None),
        ("", None),
        (None, None),
    ],
)
def test_only_iso_is_a_time(when: str | None, found: int | None) -> None:
    assert seconds(when) == found
