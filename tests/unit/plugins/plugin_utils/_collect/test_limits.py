# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import TooMuch
from ansible_collections.lifeboat.oom.plugins.plugin_utils._collect.limits import Late, at_most, limited


@pytest.fixture(autouse=True)
def leaves_everything_as_it_was() -> Iterator[None]:
    before = signal.getsignal(signal.SIGALRM), resource.getrlimit(resource.RLIMIT_AS)
    yield
    assert (signal.getsignal(signal.SIGALRM), resource.getrlimit(resource.RLIMIT_AS)) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_a_host_that_never_answers_is_given_up() -> None:
    with pytest.raises(TooMuch, match=r"no whole answer within 0.01 seconds"), limited(0.01):
        signal.pause()


def test_a_host_that_answers_without_end_is_given_up() -> None:
    with pytest.raises(TooMuch, match="more memory than 16 MiB"), limited(60, 16 << 20):
        bytes(1 << 29)
    bytes(1 << 29)


def test_what_is_within_the_limits_is_let_be() -> None:
    with limited(0):
        bytes(1 << 20)


def test_what_takes_too_long_ends_and_tries_again_do_not_hide_it() -> None:
    with pytest.raises(Late), at_most(0.01):
        try:
            signal.pause()
        except Exception:  # as a connection does that tries again
            pytest.fail("it was taken for an error")


@pytest.mark.parametrize("seconds", [0, 400, 600], ids=["no limit", "after ours", "before ours"])
def test_a_timeout_that_ansible_was_given_goes_on(seconds: int) -> None:
    before = signal.signal(signal.SIGALRM, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 500)
    try:
        with limited(seconds):
            assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= min(seconds or 500, 500)
        assert 400 < signal.getitimer(signal.ITIMER_REAL)[0] <= 500
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
