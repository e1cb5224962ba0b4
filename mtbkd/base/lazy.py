"""Lazy imports.

Reading a configuration needs the ``Settings`` of every registered part but neither torch nor PyMC, which take seconds to
import. A module therefore writes::

    if TYPE_CHECKING:
        import torch
    else:
        torch = lazy_import("torch")
"""

import importlib
from typing import Any


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
