# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.hostile import HOSTILE, MARKUP

from ansible_collections.lifeboat.oom.plugins.module_utils._plan import Change
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.printable_text import (
    cell,
    clean,
    clean_fields,
    label,
    script,
)

anything = st.one_of(st.text(st.characters()), st.sampled_from(HOSTILE))


@given(anything, st.integers(1, 400))
def test_clean_text_is_one_printable_line_of_bounded_length(text: str, most: int) -> None:
    found = clean(text, most)
    assert found.isprintable()
    assert len(found) <= most
    assert found.encode("utf-8").decode() == found
    if text.isprintable() and len(text) <= most:
        assert found == text


def test_what_does_not_print_is_spelled_out() -> None:
    assert clean("a\x1b[2J\n\u202e\udcff") == "a\\x1b[2J\\n\\u202e\\udcff"
    assert clean("x" * 400, 10) == "xxxxxxxxx…"
    assert (clean(None), clean(5)) == ("", "5")


def test_all_text_of_a_dataclass_is_cleaned() -> None:
    found = clean_fields(Change("a\n", "x", "\x00", None, "1", "why"))
    assert found == Change("a\\n", "x", "\\x00", None, "1", "why")


@given(anything)
def test_no_cell_is_a_formula(text: str) -> None:
    found = cell(text)
    stripped = found.lstrip()
    # What a spreadsheet evaluates starts with one of these; a plain number may have a sign.
    if stripped[:1] in tuple("=+-@\uff1d\uff0b\uff0d\uff20"):
        float(found)  # raises for anything else
    stream = io.StringIO()
    csv.writer(stream).writerow([found, "end"])
    assert list(csv.reader(io.StringIO(stream.getvalue()))) == [[found, "end"]]


@pytest.mark.parametrize("text", ["=1+1", "@x", "-a", "+1+1", " =1", "\uff1d1"])
def test_a_formula_is_neutralised(text: str) -> None:
    assert cell(text) == "'" + text


@pytest.mark.parametrize("text", ["-900", "+5", "-1.5", "a=b", "plain"])
def test_what_is_no_formula_stays_as_it_is(text: str) -> None:
    assert cell(text) == text


@given(anything)
def test_a_label_cannot_end_its_quotes(text: str) -> None:
    found = label(text)
    assert len(found) <= 400
    assert "\n" not in found
    # What is left without the escapes has no quote and no backslash of its own.
    assert not set(found.replace("\\\\", "").replace('\\"', "")) & set('"\\')


@given(anything)
def test_json_in_a_script_element_cannot_leave_it(text: str) -> None:
    found = script(json.dumps(text, ensure_ascii=False))
    assert not set("<>&\u2028\u2029") & set(found)
    assert json.loads(found) == text


def test_a_comment_cannot_be_opened_in_a_script_element() -> None:
    assert "<!--" not in script(json.dumps(MARKUP))
