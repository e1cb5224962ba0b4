"""Errors for people: where, what was found, what is allowed, and a hint."""

import difflib
from collections.abc import Iterable
from typing import Any


class MtbkdError(Exception):
    """Base of every error that a user's input can cause; its text stands by itself, without a traceback."""


class ConfigError(MtbkdError):
    """The configuration is not one that can be run."""


class ContractError(MtbkdError):
    """A file, array or argument breaks its contract.

    Args:
        where: the file or object, as the user knows it.
        field: the part of it that is wrong.
        found: what was there.
        expected: what is allowed.
        hint: what to do about it.
    """

    def __init__(self, where: object, field: str, found: object, expected: object, hint: str = ""):
        self.where, self.field, self.found, self.expected, self.hint = str(where), field, found, expected, hint
        super().__init__(f"{where}: {field}: found {found}; expected {expected}." + (f" Hint: {hint}" if hint else ""))

    def __reduce__(self) -> tuple[Any, ...]:
        """So that a worker process can hand it on."""
        return type(self), (self.where, self.field, str(self.found), str(self.expected), self.hint)


def nearest(name: str, allowed: Iterable[str]) -> str:
    """The hint that names the closest legal name, or an empty string when none is close."""
    close = difflib.get_close_matches(str(name), [str(a) for a in allowed], n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'?" if close else ""
