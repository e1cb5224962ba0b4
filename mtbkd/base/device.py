"""Where tensors live."""

from mtbkd.base.errors import ContractError
from mtbkd.base.lazy import torch


def resolve_device(device: str) -> str:
    """``auto`` is CUDA if available; ``cuda`` without a device is an error."""
    if device == "cuda" and not torch.cuda.is_available():
        raise ContractError("config.yaml", "device", "cuda", "a CUDA device visible to torch", "use device: auto or cpu")
    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
