# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a family of settings is: all that is declared together, by one module and one variable of the inventory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import InvalidPolicy
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.checks import known_keys, one_of, shown

Spec = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Declaration:
    """What is declared of one family, validated. I(options) are those of its module, each with a value."""

    family: Family
    options: Mapping[str, Any]

    @property
    def declares(self) -> bool:
        """Whether there is anything to compare a host with."""
        return True


@dataclass(frozen=True)
class Family:
    """One row of the table, to be subclassed for each kind of setting.

    I(name) is its word in the results of audits. The inventory declares it in I(variable); I(prefix) stands before an
    option in what is said of that. I(part) is the part of C(HostState) that it is compared with.
    """

    name: str
    module: str
    variable: str
    prefix: str
    part: str
    about: str

    @property
    def spec(self) -> Spec:
        """The options of the module, as AnsibleModule takes them."""
        raise NotImplementedError

    def absent(self, options: Mapping[str, Any]) -> Dict[str, Any]:
        """The options that declare that nothing of ours shall be there, where I(options) say that it is."""
        raise NotImplementedError

    def declaration(self, options: Mapping[str, Any], prefix: str) -> Declaration:
        """Validate I(options), of which none is missing; errors name them with I(prefix) before."""
        raise NotImplementedError

    def declared(self, options: Any) -> Declaration:
        """Validate what the inventory says, as the module would make it of that: null is the default, "no" is false."""
        known = known_keys(self.variable, options, tuple(self.spec))
        given = {name: value for name, value in known.items() if value is not None}
        return self.declaration(
            {
                name: _converted(self.prefix + name, given[name], spec) if name in given else spec.get("default")
                for name, spec in self.spec.items()
            },
            self.prefix,
        )


def _converted(where: str, value: Any, spec: Mapping[str, Any]) -> Any:
    if "choices" in spec:
        return one_of(where, value, spec["choices"], {})
    if spec["type"] != "bool":
        return value
    try:
        return boolean(value)
    except TypeError as error:
        raise InvalidPolicy(f"{where}: found {shown(value)}, expected true or false") from error
