"""The arrays of a student's ``student.safetensors``, written and read; what they mean is said in ``mtbkd.serving.bundle``."""

import hashlib
from pathlib import Path

import numpy as np

from mtbkd.base.errors import ContractError
from mtbkd.base.reading import regular_file
from mtbkd.base.writing import atomic
from mtbkd.serving import modules

ARRAYS = {"params": np.float32, "mean": np.float64, "scale": np.float64}
STORED = {"params": "F32", "mean": "F64", "scale": "F64"}


def write(path: Path, arrays: dict[str, np.ndarray]) -> str:
    """Write a file; returns its sha256."""
    from safetensors.numpy import save_file

    with atomic(path) as temporary:
        save_file({name: np.ascontiguousarray(value) for name, value in arrays.items()}, temporary)
    return _sha256(path)


def read(path: Path, sha256: str, of_module: bool) -> dict[str, np.ndarray]:
    """All arrays of the file with that hash; ContractError where one is missing or too much.

    ``of_module``: the student is a torch module, which has more of them.
    """
    from safetensors import SafetensorError, safe_open

    regular_file(path, "the draws of a student, beside its card")
    if sha256 != (found := _sha256(path)):
        raise ContractError(path, "sha256", found[:12], f"{sha256[:12]}, by the card",
                            "the two files do not belong together, or one was cut or changed")  # fmt: skip
    try:
        with safe_open(path, framework="numpy") as handle:
            stored = {name: handle.get_slice(name).get_dtype() for name in handle.keys()}  # noqa: SIM118, no mapping
            needed = STORED | ({modules.PROBE: "F32"} if of_module else {})
            others = {n: kind for n, kind in stored.items() if not (of_module and n.startswith(modules.CONSTANT))}
            if others != needed:
                raise ContractError(path, "arrays", _listed(others), _listed(needed))
            return {name: handle.get_tensor(name) for name in stored}
    except SafetensorError as error:
        raise ContractError(path, "content", str(error), "a safetensors file", "was the file cut?") from None


def _listed(types: dict[str, str]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in sorted(types.items())) or "none"


def _sha256(path: Path) -> str:
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
