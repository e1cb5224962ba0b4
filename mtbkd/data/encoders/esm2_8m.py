"""ESM-2 with 8 million weights, the encoder of the paper's students (Lin et al. 2023): mean over residues of its last layer.

The first ``max_length`` residues are read between a start and an end sign; both are left out of the mean, as the paper's
frozen student does with the first. Needs the extra ``esm`` (transformers) and a file of weights, which no other encoder needs.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.errors import ConfigError, ContractError
from mtbkd.base.lazy import torch
from mtbkd.base.reading import damage
from mtbkd.data.sequences import Policy, truncate

LICENCE = "ESM-2 weights: MIT (Lin et al. 2023)"
BATCH = 64, 16_000
WEIGHTS = "esm2_8m/model.safetensors"
DIM = 320
START, PAD, END, UNKNOWN = 0, 1, 2, 3
LETTERS = "LAGVSERTIDPKQNFYMHWCXBUZO"  # codes from 4 on
_CODE = {letter: code for code, letter in enumerate(LETTERS, start=4)}
# facebook/esm2_t6_8M_UR50D at c731040f.
CONFIG: dict[str, Any] = {
    "vocab_size": 33, "hidden_size": DIM, "num_hidden_layers": 6, "num_attention_heads": 20, "intermediate_size": 1280,
    "max_position_embeddings": 1026, "layer_norm_eps": 1e-5, "position_embedding_type": "rotary", "token_dropout": True,
    "emb_layer_norm_before": False, "pad_token_id": PAD, "mask_token_id": 32, "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}  # fmt: skip
PREFIX = "esm."  # of the encoder in a checkpoint with a head for masked residues
UNUSED = ("lm_head.", "embeddings.position_ids", "contact_head.", "encoder.layer.0.attention.self.rotary_embeddings.inv_freq")
_WITHOUT = "studies whose datasets name other encoders (descriptors, cnn, unirep64) run without"


class Settings(BaseModel):
    """What is read of a chain."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_length: int = Field(
        998, ge=1, le=1022, description="residues read of a chain; 998 with two signs are the paper's 1,000 tokens"
    )
    truncation: Policy = Field("first", description="first: the first max_length residues; ends: the first and the last half")


def raw_files(settings: Settings) -> tuple[str, ...]:
    """The weights."""
    return (WEIGHTS,)


def names(settings: Settings) -> list[str]:
    """The hidden units."""
    return [str(unit) for unit in range(DIM)]


def prepared(settings: Settings, chain: str) -> str:
    """The residues that are read."""
    return truncate(chain, settings.max_length, settings.truncation)


def load(settings: Settings, raw: Path) -> Any:
    """The frozen EsmModel; ConfigError if transformers or the weights are missing, ContractError if these are others."""
    try:
        from transformers import EsmConfig, EsmModel  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise ConfigError(
            "encoder esm2_8m: found no package transformers; expected the extra esm. Hint: make setup EXTRAS=esm, or "
            f"pip install 'mtbkd[esm]'; {_WITHOUT}"
        ) from None
    from safetensors.torch import load_file

    path = raw / WEIGHTS
    if not path.is_file():
        raise ConfigError(
            f"encoder esm2_8m: found no {path}; expected the weights of ESM-2-8M (31 MB). Hint: put model.safetensors of "
            "huggingface.co/facebook/esm2_t6_8M_UR50D (revision c731040f) into your mirror as "
            f"{WEIGHTS}, see 'Use your data mirror' in README.md; {_WITHOUT}"
        )
    model = EsmModel(EsmConfig(**CONFIG), add_pooling_layer=False)
    with damage(path, "the weights of ESM-2-8M, a safetensors file") as file:
        stored = {name.removeprefix(PREFIX): value for name, value in load_file(file).items()}
    weights = {name: value for name, value in stored.items() if not name.startswith(UNUSED)}
    try:
        found = model.load_state_dict(weights, strict=False)
    except RuntimeError as error:
        raise ContractError(path, "arrays", str(error).splitlines()[-1].strip(), "the weights of ESM-2-8M") from None
    missing = [name for name in found.missing_keys if not name.startswith(UNUSED) and "inv_freq" not in name]
    if missing or [name for name in found.unexpected_keys if "inv_freq" not in name]:
        odd = missing or found.unexpected_keys
        raise ContractError(path, "arrays", f"{len(odd)} missing or unknown, {odd[0]} first", "the weights of ESM-2-8M")
    return model.eval().requires_grad_(False)


def encode(encoder: Any, chains: Sequence[str]) -> np.ndarray:
    """Mean over residues of the last layer (N, 320)."""
    longest = max(map(len, chains)) + 2
    code = torch.full((len(chains), longest), PAD)
    code[:, 0] = START
    for row, chain in enumerate(chains):
        code[row, 1 : len(chain) + 1] = torch.tensor([_CODE.get(letter, UNKNOWN) for letter in chain])
        code[row, len(chain) + 1] = END
    with torch.inference_mode():
        hidden = encoder(input_ids=code, attention_mask=(code != PAD).long()).last_hidden_state
        residues = (code >= UNKNOWN)[..., None]
        return ((hidden * residues).sum(1) / residues.sum(1)).numpy()
