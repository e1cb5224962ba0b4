"""Mistakes of a user in Python: the errors of the house, as the ValueErrors that scikit-learn's tools expect."""

from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Real
from typing import Any

from mtbkd.base.errors import ConfigError, ContractError


def is_number(value: Any) -> bool:
    """Whether ``value`` is a real number of Python or NumPy, and no truth value."""
    return isinstance(value, Real) and not isinstance(value, bool)


class InputError(ContractError, ValueError):
    """A ContractError that scikit-learn's tools take for what it is, a wrong value."""


class SettingError(ConfigError, ValueError):
    """A ConfigError that scikit-learn's tools take for what it is, a wrong value."""


@contextmanager
def refusals() -> Iterator[None]:
    """Mistakes of the user as ValueErrors of one line."""
    try:
        yield
    except (InputError, SettingError):
        raise
    except ContractError as error:
        raise InputError(error.where, error.field, error.found, error.expected, error.hint) from None
    except ConfigError as error:
        first, *lines = str(error).splitlines()
        raise SettingError("; ".join(line.strip() for line in lines) or first) from None
