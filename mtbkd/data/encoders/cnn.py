"""A convolution over residues, trained from scratch on the authors' training chains without their locations.

One layer, as in Coates & Ng 2012 ("Learning feature representations with k-means"): windows of ``width`` residues, one-hot
(20 numbers each, zeros for what is ambiguous or beyond the end), are whitened, z = V (w - m); spherical k-means makes unit
kernels d_1 .. d_C of them; a position says f_c = max(0, d_c . z - mean_k d_k . z), their "triangle" where windows have the same
norm. What is kept of the positions: ``mean`` and ``max`` over the chain, and the mean over its first (``head``) and last
(``tail``) residues, where sorting signals lie.

Labels take no part: kernels fitted to locations would make the training examples look surer than any other, and a student that
reads them would learn that. Shapes: N chains, L residues, W windows, C kernels, D numbers of a window.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from mtbkd.base.bounds import Examples
from mtbkd.base.explain import distinct
from mtbkd.base.lazy import torch
from mtbkd.data.sequences import RESIDUES, Policy, codes, truncate

LICENCE = "none: trained here, on proteins of UniProt (CC BY 4.0)"
BATCH = 128, 60_000
CHAINS = "mtbkd/data_our_train_sample.csv"
WINDOWS, ROUNDS, FLOOR, SEED = 200_000, 15, 0.01, 0
Part = Literal["mean", "max", "head", "tail"]
_UNKNOWN = len(RESIDUES)


class Settings(BaseModel):
    """Size of the layer, and the summaries of its output."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kernels: int = Field(64, ge=2, le=2048, description="number of convolution kernels")
    width: int = Field(5, ge=3, le=31, description="kernel width in residues, odd")
    parts: Annotated[tuple[Part, ...], AfterValidator(distinct)] = Field(
        ("mean", "max", "head", "tail"), min_length=1, description="summaries over positions to use, each at most once"
    )
    end: Examples = Field(40, description="number of positions averaged for head and tail")
    max_length: Examples = Field(1000, description="maximum number of residues read per chain")
    truncation: Policy = Field("ends", description="first: the first max_length residues; ends: the first and the last half")

    @model_validator(mode="after")
    def _odd(self) -> Self:
        if self.width % 2 == 0:
            raise ValueError("allowed: an odd width, so that a window has a middle")
        return self


class Encoder(NamedTuple):
    """The convolution: ``kernels`` (C, 20, width) and ``bias`` (C,) hold whitening and mean, each less its mean over C."""

    settings: Settings
    kernels: "torch.Tensor"
    bias: "torch.Tensor"


def raw_files(settings: Settings) -> tuple[str, ...]:
    """The chains that it is trained on."""
    return (CHAINS,)


def names(settings: Settings) -> list[str]:
    """The kernels of every part."""
    return [f"{part}_{kernel}" for part in settings.parts for kernel in range(settings.kernels)]


def prepared(settings: Settings, chain: str) -> str:
    """The residues that are read."""
    return truncate(chain, settings.max_length, settings.truncation)


def load(settings: Settings, raw: Path) -> Encoder:
    """Train the kernels, the same ones each time: seconds. ContractError if the chains are missing or damaged."""
    from mtbkd.data.protein_tables import KINGDOMS, read

    chains = [prepared(settings, str(record.seq)) for record in read(raw / CHAINS, KINGDOMS).records]
    return trained(settings, chains)


def trained(settings: Settings, chains: Sequence[str]) -> Encoder:
    """The convolution learned from clean ``chains``."""
    generator = torch.Generator().manual_seed(SEED)
    w = _windows(chains, settings.width, generator)
    mean = w.mean(0)
    whitening = _whitening(w - mean)
    d = spherical_k_means((w - mean) @ whitening, settings.kernels, generator) @ whitening
    d -= d.mean(0)
    return Encoder(settings, d.view(settings.kernels, settings.width, _UNKNOWN).transpose(1, 2).contiguous(), -(d @ mean))


def _one_hot(chains: Sequence[str]) -> "torch.Tensor":
    """float32 (N, L, 20), zeros behind the end and for what is ambiguous."""
    found = np.zeros((len(chains), max(map(len, chains)), _UNKNOWN + 1), np.float32)
    for row, chain in enumerate(chains):
        found[row, np.arange(len(chain)), codes(chain)] = 1
    return torch.as_tensor(found)[..., :_UNKNOWN]


def _windows(chains: Sequence[str], width: int, generator: "torch.Generator") -> "torch.Tensor":
    """At most WINDOWS windows (W, width x 20) of all positions, each as likely as any other."""
    starts = np.cumsum([0, *map(len, chains)])
    chosen = torch.randperm(int(starts[-1]), generator=generator)[:WINDOWS].sort().values.numpy()
    gap = "X" * (width // 2)
    x = _one_hot([gap + gap.join(chains) + gap])[0]
    at = chosen + np.searchsorted(starts, chosen, side="right") * (width // 2)
    return x[torch.as_tensor(at)[:, None] + torch.arange(width) - width // 2].flatten(1)


def _whitening(centred: "torch.Tensor") -> "torch.Tensor":
    """V (D, D), symmetric: the inverse root of the covariance, eigenvalues raised by FLOOR."""
    value, vector = torch.linalg.eigh(centred.T @ centred / len(centred))
    return vector / (value.clamp(min=0) + FLOOR).sqrt() @ vector.T


def spherical_k_means(z: "torch.Tensor", count: int, generator: "torch.Generator") -> "torch.Tensor":
    """Unit vectors (C, D), each the direction of the sum of the rows of ``z`` (W, D) that it is nearest to in angle."""
    z = z / z.norm(dim=1, keepdim=True).clamp(min=1e-12)
    d = z[torch.randperm(len(z), generator=generator)[:count]]
    if len(d) < count:
        d = torch.nn.functional.normalize(torch.randn(count, z.shape[1], generator=generator), dim=1)
    for _ in range(ROUNDS):
        sums = torch.zeros_like(d).index_add_(0, (z @ d.T).argmax(1), z)
        norm = sums.norm(dim=1, keepdim=True)
        d = torch.where(norm > 0, sums / norm.clamp(min=1e-12), d)  # one that is nearest to none stays
    return d


def encode(encoder: Encoder, chains: Sequence[str]) -> np.ndarray:
    """The chosen parts (N, parts x C)."""
    settings = encoder.settings
    with torch.inference_mode():
        x = _one_hot(chains).transpose(1, 2)
        said = torch.relu(torch.nn.functional.conv1d(x, encoder.kernels, encoder.bias, padding=settings.width // 2))
        lengths, at = torch.tensor([len(chain) for chain in chains])[:, None], torch.arange(x.shape[2])
        inside = at < lengths
        taken = {
            "mean": inside,
            "head": inside & (at < settings.end),
            "tail": inside & (at >= lengths - settings.end),
        }
        parts = [
            torch.where(inside[:, None], said, 0).amax(2) if part == "max" else _mean(said, taken[part])
            for part in settings.parts
        ]
        return torch.cat(parts, 1).numpy()


def _mean(said: "torch.Tensor", taken: "torch.Tensor") -> "torch.Tensor":
    """Mean (N, C) of ``said`` (N, C, L) over the positions ``taken`` (N, L)."""
    return (said @ taken[..., None].float())[..., 0] / taken.sum(1, keepdim=True)
