# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is published, made once: ``pytest tests/release``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from matrix.gates import copy_collection

from .blocks import plain_environment


@pytest.fixture(scope="session")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive that ``ansible-galaxy collection build`` makes of the checkout."""
    folder = tmp_path_factory.mktemp("artifact")
    source = copy_collection(folder / "source")
    galaxy = str(Path(sys.executable).with_name("ansible-galaxy"))
    words = [galaxy, "collection", "build", "--output-path", str(folder)]
    subprocess.run(words, cwd=source, check=True, capture_output=True)
    (made,) = folder.glob("*.tar.gz")
    return made


@pytest.fixture
def newcomer(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who has a Python and nothing else: no checkout, no Ansible, an empty home."""
    home = tmp_path / "home"
    home.mkdir()
    return plain_environment(Path(sys.base_prefix) / "bin", home)
