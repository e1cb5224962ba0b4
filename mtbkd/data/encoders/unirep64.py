"""UniRep in small: a multiplicative LSTM of four layers with 64 units, read from the N terminus (Alley et al. 2019).

Every layer (Krause et al. 2016), with x its input, h its output and c its cell; all weights are normalised by column,
W = g v / |v| (Salimans & Kingma 2016):

    m = (x Wmx) * (h Wmh)
    i, f, o, u = x Wx + m Wh + b
    c <- sigmoid(f) * c + sigmoid(i) * tanh(u);   h <- sigmoid(o) * tanh(c)

The first layer reads a 10-dimensional embedding of the residue, the others the h below. A chain begins with the start sign,
which has a position of its own. What is kept of h (L + 1, 64), of the last layer as in the paper or of all four: its ``mean``
over positions, as in the paper; the largest and smallest value of each unit (``max``, ``min``); the mean over one end, where
sorting signals lie (``head``, ``tail``); the last position's (``final``).
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from mtbkd.base.bounds import Examples
from mtbkd.base.errors import ContractError
from mtbkd.base.explain import distinct
from mtbkd.base.lazy import torch
from mtbkd.base.reading import read_npz
from mtbkd.data.sequences import Policy, truncate

LICENCE = "UniRep weights: CC BY-NC 4.0, for non-commercial use only (Alley et al. 2019)"
BATCH = 512, 200_000
WEIGHTS = "unirep64/unirep64_weights.npz"
LAYERS, UNITS, EMBEDDED = 4, 64, 10
Part = Literal["mean", "max", "min", "head", "tail", "final"]
# Codes of the published model: 0 pads, 24 starts, 23 is any ambiguous residue.
LETTERS, START, UNKNOWN = "-MRHKDESTNQCUGPAVIFYWLO", 24, 23
_CODE = np.full(128, UNKNOWN, dtype=np.int64)
_CODE[np.frombuffer(LETTERS.encode(), np.uint8)] = np.arange(len(LETTERS))


class Settings(BaseModel):
    """Part of a chain to read, and the summaries of the states."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parts: Annotated[tuple[Part, ...], AfterValidator(distinct)] = Field(
        ("mean",), min_length=1, description="summaries over positions to use, each at most once"
    )
    layers: Literal["last", "all"] = Field("last", description="layers whose states are used; the paper uses last")
    end: Examples = Field(40, description="number of positions averaged for head and tail")
    max_length: Examples = Field(1000, description="maximum number of residues read per chain")
    truncation: Policy = Field("first", description="first: the first max_length residues; ends: the first and the last half")


def raw_files(settings: Settings) -> tuple[str, ...]:
    """The weights."""
    return (WEIGHTS,)


def names(settings: Settings) -> list[str]:
    """The units of every part, layer by layer."""
    layers = range(LAYERS) if settings.layers == "all" else [LAYERS - 1]
    return [f"{part}_{layer}_{unit}" for part in settings.parts for layer in layers for unit in range(UNITS)]


def prepared(settings: Settings, chain: str) -> str:
    """The residues that are read."""
    return truncate(chain, settings.max_length, settings.truncation)


def load(settings: Settings, raw: Path) -> tuple[Settings, dict[str, Any]]:
    """The weights as tensors, normalised; ContractError if they are not the model's."""
    path = raw / WEIGHTS
    stored = read_npz(path, "the weights of unirep64")
    for name, shape in _shapes().items():
        if name not in stored or stored[name].shape != shape or stored[name].dtype != np.float32:
            found = f"{stored[name].dtype} of shape {stored[name].shape}" if name in stored else "missing"
            raise ContractError(path, name, found, f"float32 of shape {shape}")
        if not np.isfinite(stored[name]).all():
            raise ContractError(path, name, "non-finite values", "finite numbers")
    arrays = {name: torch.as_tensor(value) for name, value in stored.items()}
    layers = [_layer(arrays, f"layer{i}") for i in range(LAYERS)]
    return settings, {"embed": arrays["embed"], "layers": layers, "dense": (arrays["dense_w"], arrays["dense_b"])}


def _shapes() -> dict[str, tuple[int, ...]]:
    """Array of the file -> its shape."""
    found: dict[str, tuple[int, ...]] = {"embed": (START + 2, EMBEDDED), "dense_w": (UNITS, START + 1), "dense_b": (START + 1,)}
    for layer in range(LAYERS):
        sizes = {"mx": UNITS, "x": 4 * UNITS, "mh": UNITS, "h": 4 * UNITS}
        for key, size in sizes.items():
            inputs = EMBEDDED if layer == 0 and key.endswith("x") else UNITS
            found |= {f"layer{layer}.w{key}": (inputs, size), f"layer{layer}.g{key}": (size,)}
        found[f"layer{layer}.b"] = (4 * UNITS,)
    return found


def _layer(arrays: "dict[str, torch.Tensor]", name: str) -> "tuple[torch.Tensor, ...]":
    """(Wmx | Wx) of shape (inputs, 5 x 64), Wmh (64, 64), Wh (64, 4 x 64), b (4 x 64,)."""
    w = {key: _normalised(arrays[f"{name}.w{key}"], arrays[f"{name}.g{key}"]) for key in ("mx", "x", "mh", "h")}
    return torch.cat([w["mx"], w["x"]], 1), w["mh"], w["h"], arrays[f"{name}.b"]


def _normalised(v: "torch.Tensor", g: "torch.Tensor") -> "torch.Tensor":
    return g * v / v.norm(dim=0, keepdim=True)


def codes(chains: Sequence[str]) -> "tuple[torch.Tensor, list[int]]":
    """Codes (N, L + 1), the start sign first and zeros behind the end, and the positions (N,) of each chain."""
    lengths = [len(chain) + 1 for chain in chains]
    found = np.zeros((len(chains), max(lengths)), dtype=np.int64)
    found[:, 0] = START
    for row, chain in enumerate(chains):
        found[row, 1 : lengths[row]] = _CODE[np.frombuffer(chain.encode("ascii"), np.uint8)]
    return torch.as_tensor(found), lengths


def step(layers: "Sequence[tuple[torch.Tensor, ...]]", x: "torch.Tensor", h: "torch.Tensor", c: "torch.Tensor") -> None:
    """One position of the first n chains, x (n, 10): moves h and c (4, N, 64) in place."""
    n = len(x)
    for layer, (w_in, w_mh, w_h, b) in enumerate(layers):
        own_h, own_c = h[layer, :n], c[layer, :n]
        fed = x @ w_in
        m = fed[:, :UNITS] * (own_h @ w_mh)
        z = torch.addmm(fed[:, UNITS:] + b, m, w_h)
        i, f, o = torch.sigmoid(z[:, : 3 * UNITS]).split(UNITS, 1)
        own_c.mul_(f).add_(i * torch.tanh(z[:, 3 * UNITS :]))
        torch.mul(o, torch.tanh(own_c), out=own_h)
        x = own_h


def encode(encoder: tuple[Settings, dict[str, Any]], chains: Sequence[str]) -> np.ndarray:
    """The chosen parts (N, parts x layers x 64). Chains that ended take no further part, so padding costs nothing."""
    settings, weights = encoder
    order = sorted(range(len(chains)), key=lambda i: -len(chains[i]))
    with torch.inference_mode():
        code, lengths = codes([chains[i] for i in order])
        h, c = torch.zeros(2, LAYERS, len(chains), UNITS)
        kept = h if settings.layers == "all" else h[-1:]
        start = {"max": -torch.inf, "min": torch.inf}
        found = {part: torch.full_like(kept, start.get(part, 0)) for part in settings.parts if part != "final"}
        descending = -np.asarray(lengths)
        for t in range(lengths[0]):
            n = int(np.searchsorted(descending, -t))  # chains with a position t
            step(weights["layers"], weights["embed"][code[:n, t]], h, c)
            late = int(np.searchsorted(descending, -(t + settings.end)))  # from here on t is among the last ones
            rows = {"head": slice(n if t < settings.end else 0), "tail": slice(late, n)}
            for part, value in found.items():
                own, new = value[:, rows.get(part, slice(n))], kept[:, rows.get(part, slice(n))]
                _FOLD[part](own, new)
        parts = [_finished(part, found.get(part, kept), lengths, settings.end) for part in settings.parts]
        sorted_rows = torch.stack(parts).permute(2, 0, 1, 3).flatten(1).numpy()
    result = np.empty_like(sorted_rows)
    result[order] = sorted_rows
    return result


_FOLD: "dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]]" = {
    "max": lambda own, new: torch.maximum(own, new, out=own),
    "min": lambda own, new: torch.minimum(own, new, out=own),
    **dict.fromkeys(("mean", "head", "tail"), lambda own, new: own.add_(new)),
}


def _finished(part: str, value: "torch.Tensor", lengths: list[int], end: int) -> "torch.Tensor":
    """``value`` (layers, N, 64), divided by the number of positions where it is a sum."""
    if part not in ("mean", "head", "tail"):
        return value
    positions = torch.tensor(lengths) if part == "mean" else torch.tensor(lengths).clamp(max=end)
    return value / positions[:, None]


def next_residue_log_prob(encoder: tuple[Settings, dict[str, Any]], chain: str) -> np.ndarray:
    """Natural log-probability (L,) that the model gives each residue after those before it: what it was trained for."""
    weights = encoder[1]
    with torch.inference_mode():
        code, (positions,) = codes([chain])
        h, c = torch.zeros(2, LAYERS, 1, UNITS)
        found = []
        for t in range(positions - 1):
            step(weights["layers"], weights["embed"][code[:, t]], h, c)
            logits = h[-1] @ weights["dense"][0] + weights["dense"][1]
            found.append(torch.log_softmax(logits, 1)[0, code[0, t + 1] - 1])
        return torch.stack(found).numpy()
