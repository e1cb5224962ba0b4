"""Compiler of a PyMC model, for the algorithms of PyMC (nuts.py, advi.py)."""

from importlib.util import find_spec
from typing import Literal

from mtbkd.base.errors import ConfigError
from mtbkd.base.lazy import lazy_import

pytensor = lazy_import("pytensor")

Backend = Literal["auto", "c", "jax", "numba"]
MODES = {"c": "CVM", "jax": "JAX", "numba": "NUMBA"}  # PyTensor's names of the backends


def resolve_backend(backend: Backend) -> str:
    """What compiles the model: for ``auto`` C if there is a compiler (2 s), else JAX if installed, else numba (minutes)."""
    if backend == "jax":
        require("jax", "backend: jax")
    if backend != "auto":
        return backend
    if pytensor.config.cxx:
        return "c"
    return "jax" if find_spec("jax") else "numba"


def require(module: str, setting: str) -> None:
    """ConfigError if the optional ``module`` that ``setting`` needs is not installed."""
    if find_spec(module) is None:
        raise ConfigError(f"settings of nuts or advi: found {setting}, which needs {module}. Hint: uv sync --extra jax")
