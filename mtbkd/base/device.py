"""Where tensors live."""

import os

from mtbkd.base.errors import ContractError
from mtbkd.base.lazy import torch

VISIBLE = "CUDA_VISIBLE_DEVICES"  # as a scheduler or a person set it: the devices that CUDA shows


def resolve_device(device: str) -> str:
    """``auto`` is CUDA if available; ``cuda`` without a device is an error."""
    if device == "cuda" and not torch.cuda.is_available():
        hidden = f", where {VISIBLE} is '{os.environ[VISIBLE]}'" if VISIBLE in os.environ else ""
        hint = "use device: auto or cpu; `mtbkd doctor` says what is missing"
        raise ContractError("config.yaml", "device", f"cuda{hidden}", "a CUDA device visible to torch", hint)
    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
