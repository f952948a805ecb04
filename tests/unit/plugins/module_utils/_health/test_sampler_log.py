# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.fake_host import FakeHost

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError
from ansible_collections.lifeboat.oom.plugins.module_utils._health.sampler_log import (
    HEADER,
    SAMPLES_FILE,
    ServiceSamples,
    parse_samples,
    read_samples,
)

TEXT = f"{HEADER} boot-1\n60 7 100 720 a.service\n60 8 100 9 b.service\n70 7 100 724 a.service\n80 9 7900 5 a.service\n"


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    found = FakeHost(tmp_path)
    found.has(SAMPLES_FILE, TEXT)
    return found


def test_samples_are_kept_by_process(host: FakeHost) -> None:
    assert read_samples(host, "boot-1") == (
        ServiceSamples("a.service", 7, 100, (60, 70), (720, 724)),
        ServiceSamples("b.service", 8, 100, (60,), (9,)),
        ServiceSamples("a.service", 9, 7900, (80,), (5,)),
    )


def test_samples_of_another_boot_are_none(host: FakeHost, tmp_path: Path) -> None:
    assert read_samples(host, "boot-2") is read_samples(host, None) is None
    assert read_samples(FakeHost(tmp_path / "other"), "boot-1") is None


@pytest.mark.parametrize(
    "text",
    ["", "60 7 100 720 a.service\n", f"{HEADER}\n", f"{HEADER} boot-1\n60 7 100\n", f"{HEADER} boot-1\na b c d e\n"],
    ids=["empty", "no header", "no boot", "short", "no numbers"],
)
def test_another_file_is_an_error_that_says_what_to_do(host: FakeHost, text: str) -> None:
    host.has(SAMPLES_FILE, text)
    with pytest.raises(HostError, match="remove the file, the sampler makes a new one"):
        read_samples(host, "boot-1")


@given(st.text())
def test_any_text_is_samples_or_an_error(text: str) -> None:
    try:
        found = parse_samples(text)
    except HostError:
        return
    assert sum(len(each.uptime_seconds) for each in found) == len([line for line in text.split("\n") if line])
