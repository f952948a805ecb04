# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Coverage-guided fuzzing of the parser of kernel logs, from the logs that the tests have.

No part of the tests: it wants Atheris, and time. In an environment of its own::

    pip install atheris
    python tests/fuzz/oom_log.py [SECONDS]

It ends with the number of executions, or with the input that broke a promise, kept in C(crash-…) here.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parents[2]
LOGS = ROOT / "tests/unit/fixtures/oom_logs"
sys.path.insert(0, str(ROOT / "collections"))

with atheris.instrument_imports(include=["ansible_collections"]):
    from ansible_collections.lifeboat.oom.plugins.module_utils._health import oom_history
    from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log import json_records, recognised_lines
    from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.parse import parse

IS_NOISE = recognised_lines.is_noise


def promises(data: bytes) -> None:
    """Whatever stands in a log: it is read, alike with and without passing over lines, and gives JSON."""
    text = data.decode("utf-8", "surrogateescape")
    log = parse(text)
    recognised_lines.is_noise = json_records.is_noise = lambda raw: False
    try:
        assert parse(text) == log
    finally:
        recognised_lines.is_noise = json_records.is_noise = IS_NOISE
    plain = log.as_dict()
    assert json.loads(json.dumps(plain)) == plain
    for event in log.events:
        pids = [victim.pid for victim in event.victims]
        assert len(set(pids)) == len(pids)
        assert event.kind != "kill" or pids
        # The numbers of victims stand in the log, if nothing is written in another way there.
        is_plain = not any(sign in text for sign in ("\\x", "\n", '"', "=", "&"))
        assert not is_plain or all(pid is None or re.search(rf"0*{pid}(?!\d)", text) for pid in pids)
    logged = [oom_history.LoggedEvent(event, True) for event in log.events]
    assert oom_history.kills(oom_history.merged(logged, logged)) == oom_history.kills(logged)


def main(arguments: Sequence[str]) -> None:
    seconds = int(arguments[1]) if len(arguments) > 1 else 60
    with tempfile.TemporaryDirectory(prefix="lifeboat-fuzz-") as folder:
        corpus, words = Path(folder, "corpus"), Path(folder, "words")
        corpus.mkdir()
        words.write_text("".join(f'"{word}"\n' for word in _words()))
        options = [f"-max_total_time={seconds}", "-max_len=3000", f"-dict={words}", "-timeout=30", "-verbosity=1"]
        atheris.Setup([arguments[0], *options, str(corpus), str(LOGS)], promises)
        atheris.Fuzz()


def _words() -> set[str]:
    """What the kernel's lines are made of, for the mutations."""
    text = "\n".join(path.read_text(errors="replace") for path in LOGS.glob("**/*.log"))
    return {word for word in re.findall(r"[A-Za-z][A-Za-z_ -]{3,24}[:=(]?", text) if text.count(word) > 5}


if __name__ == "__main__":
    main(sys.argv)
