# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exception tree. Library code raises; a runner alone turns it into C(fail_json)."""

from __future__ import annotations


class LifeboatError(Exception):
    """Root of all errors of this collection.

    The message says what was found, what was expected, where, and what to do.
    """


class InvalidPolicy(LifeboatError):
    """What the user declared cannot be meant; the message names the variable or option."""


class HostError(LifeboatError):
    """A file or a command of the host could not be used; I(path) is the file or the program."""

    def __init__(self, message: str, path: str) -> None:
        super().__init__(message)
        self.path = path


class Missing(HostError):
    """The file is not there, or a folder is in its place."""


class ReadOnly(HostError):
    """The file is there and this may not be done with it (a container, a read-only mount, no permission)."""


class TooMuch(LifeboatError):
    """A device says more than is looked at; the message names what, and the limit."""

    @classmethod
    def check(cls, what: str, found: int, most: int) -> None:
        """Raise it where I(found) is more than I(most)."""
        if found > most:
            raise cls(f"{what}: found {found}, expected at most {most}; what is beyond is not looked at")


class Changed(HostError):
    """The file is not what it was when it was read: read it again, and decide again."""


class Unsupported(LifeboatError):
    """This host has no such feature: no systemd, an old kernel, a read-only C(/proc/sys)."""


class Refused(LifeboatError):
    """A guard said no, and why: I(numbers) holds what it went by."""

    def __init__(self, message: str, numbers: dict[str, object]) -> None:
        super().__init__(message)
        self.numbers = numbers


class NotTaken(LifeboatError):
    """The machine did not keep what was written; found by reading it again."""
