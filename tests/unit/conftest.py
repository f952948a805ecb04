# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import sys
from pathlib import Path

from hypothesis import settings

# So that tests find what they share (unit.samples, …) under ansible-test too.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

# How long an example takes says nothing about the code, and a busy machine would fail.
settings.register_profile("lifeboat", deadline=None)
# ansible-test asks whether other Pythons answer the same, many times over; `make unit` has looked hard before.
settings.register_profile("matrix", deadline=None, max_examples=20)
settings.load_profile("matrix" if "ansible_pytest_collections" in os.environ.get("PYTEST_PLUGINS", "") else "lifeboat")
