# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.seen_scores import Seen, parse, render

SEEN = {"app@a\\x2db.service": Seen(4_194_304, 10**18, 2), "nginx.service": Seen(100, 5000, 0)}


def test_what_is_noted_is_read_again() -> None:
    text = render(dict(reversed(list(SEEN.items()))))
    assert text == "app@a\\x2db.service 4194304 1000000000000000000 2\nnginx.service 100 5000 0\n"
    assert parse(text) == SEEN
    assert (render({}), parse("")) == ("", {})


def test_what_is_not_ours_is_passed_over() -> None:
    assert parse("a.service 1 2\nb.service 1 2 3 4\nc.service -1 2 3\n\nd.service 1 2 3\r\ne.service 1 2 3") == {
        "e.service": Seen(1, 2, 3)
    }
