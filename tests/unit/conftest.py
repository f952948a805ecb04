# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from hypothesis import settings

# How long an example takes says nothing about the code, and a busy machine would fail.
settings.register_profile("lifeboat", deadline=None)
settings.load_profile("lifeboat")
