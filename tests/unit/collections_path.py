# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a Python that a test starts finds the collection: elsewhere in a checkout than under ansible-test."""

from __future__ import annotations

from pathlib import Path

import ansible_collections

COLLECTIONS = Path(next(iter(ansible_collections.__path__))).parent
