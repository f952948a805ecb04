# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.quoting import quoted, split


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ()),
        ("a.service b.service", ("a.service", "b.service")),
        (
            '"/etc/dev\\\\x2da.service.d/a b.conf" c',
            ("/etc/dev\\x2da.service.d/a b.conf", "c"),
        ),
        ("/etc/a\\x5cx2db/c\\x20d.conf", ("/etc/a\\x2db/c d.conf",)),
        ('"A=\\"q\\" \\$x" B=\\xc3\\xa4', ('A="q" $x', "B=\u00e4")),
    ],
    ids=["none", "bare", "quoted", "older", "more of both"],
)
def test_a_list_is_taken_apart(text: str, words: tuple[str, ...]) -> None:
    assert split(text) == words


@pytest.mark.parametrize(
    ("word", "expected"),
    [("A=b", '"A=b"'), ("A=50% b", '"A=50%% b"'), ("A=\\x2d", '"A=\\\\x2d"'), ('A="b"', '"A=\\"b\\""')],
)
def test_a_word_for_a_unit_file(word: str, expected: str) -> None:
    assert quoted(word) == expected


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1))
def test_what_is_quoted_is_read_as_it_was(word: str) -> None:
    assert split(quoted(word).replace("%%", "%")) == (word,)
