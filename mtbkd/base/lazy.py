"""Lazy imports.

Reading a configuration needs the ``Settings`` of every registered part but neither torch nor PyMC, which take seconds to
import. A module therefore takes torch and pandas from here, and other packages by::

    if TYPE_CHECKING:
        import pymc as pm
    else:
        pm = lazy_import("pymc")
"""

import importlib
from typing import TYPE_CHECKING, Any


class _LazyModule:
    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(importlib.import_module(self._name), attribute)
        setattr(self, attribute, value)
        return value


def lazy_import(name: str) -> Any:
    """Return a stand-in for module ``name`` that imports it on the first attribute access."""
    return _LazyModule(name)


if TYPE_CHECKING:
    import pandas as pd
    import torch
else:
    pd, torch = lazy_import("pandas"), lazy_import("torch")
