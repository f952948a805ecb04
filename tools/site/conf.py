# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of the documentation site. Nothing in it is fetched: not while it is made, not while it is read."""

from __future__ import annotations

from typing import Any

project = "lifeboat.oom"
html_title = "lifeboat.oom"
html_theme = "sphinx_ansible_theme"
html_show_sphinx = False
html_use_index = False
html_copy_source = False
extensions = ["sphinx_antsibull_ext"]
pygments_style = "ansible"
highlight_language = "YAML+Jinja"
default_role = "any"
nitpicky = True

# Pages of ansible-core, which the generated ones refer to: their names stand there without a link.
OF_ANSIBLE = {"action_plugins", "ansible_configuration_settings", "common_return_values"}


def _without_link(_app: Any, _environment: Any, node: Any, text: Any) -> Any:
    return text if node.get("reftarget") in OF_ANSIBLE else None


def setup(app: Any) -> None:
    app.connect("missing-reference", _without_link)
