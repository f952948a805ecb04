# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from unit.profile_options import OPTIONS

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import InvalidPolicy
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.request import request


def test_a_unit() -> None:
    wanted = request({**OPTIONS, "unit": "telemetry"})
    assert (wanted.unit, wanted.subject, wanted.warm_up) == ("telemetry.service", "telemetry.service", 20)
    assert (wanted.max_disk_bytes, wanted.max_memory_bytes) == (256 << 20, None)


def test_the_others() -> None:
    assert request({**OPTIONS, "pid": 12, "confirm_attach": True}).subject == "pid 12"
    wanted = request({**OPTIONS, "command": ["/bin/x", "-y"], "warm_up": 0, "max_memory": "1G"})
    assert (wanted.subject, wanted.warm_up, wanted.max_memory_bytes) == ("/bin/x", 0, 1 << 30)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "found none of them, expected one"),
        ({"unit": "a", "pid": 3}, "found unit and pid, expected one"),
        ({"pid": 3}, "confirm_attach: found false"),
        ({"pid": 3, "tool": "valgrind_memcheck", "confirm_attach": True}, "cannot attach"),
        ({"unit": "a.socket"}, "expected a service"),
        ({"unit": "a@.service"}, "expected one of its instances"),
        ({"unit": "../a"}, "unit name"),
        ({"unit": "a", "duration": 0}, "duration: found 0"),
        ({"unit": "a", "warm_up": 60}, "warm_up: found 60 s, expected less than duration, 60 s"),
        ({"unit": "a", "timeout": 60}, "timeout: found 60 s, expected more than duration, 60 s"),
        ({"unit": "a", "max_disk": "much"}, "max_disk: found 'much', expected a size such as 512M"),
        ({"unit": "a", "max_memory": "10%"}, "max_memory: found '10%'"),
        ({"unit": "a", "top": 0}, "top: found 0"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_meant(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidPolicy) as error:
        request({**OPTIONS, **options})
    assert said in str(error.value)
