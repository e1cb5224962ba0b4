"""Features of proteins: outputs of encoders, standardised on the training split. N chains, F features."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base import registry
from mtbkd.data.encoders import Embedder
from mtbkd.data.encoders.chosen import Encoders, chosen
from mtbkd.data.preprocess import scaling


class EncodedSettings(BaseModel):
    """The encoders of a dataset of proteins."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoders: Encoders = Field(
        default_factory=lambda: Encoders.model_validate({"descriptors": {}}),
        description="one or several encoders, each with its settings; their outputs are concatenated",
    )


def raw_files(settings: EncodedSettings) -> tuple[str, ...]:
    """Raw files of the chosen encoders."""
    own = chosen(settings.encoders)
    return tuple(key for name, each in own.items() for key in registry.part("encoder", name).raw_files(each))


def uses(settings: EncodedSettings) -> tuple[tuple[str, str], ...]:
    """(kind, name) of the chosen encoders, on whose sources the numbers depend."""
    return tuple(("encoder", name) for name in chosen(settings.encoders))


def names(settings: EncodedSettings) -> list[str]:
    """Names (F,) of the features."""
    return Embedder(chosen(settings.encoders), Path()).names()


def remembered_beside(raw: Path) -> Path | None:
    """Where runs remember what encoders said: results/shared/embeddings for results/downloads, nowhere for other folders."""
    return raw.parent / "shared" / "embeddings" if raw.name == "downloads" else None


def encode(settings: EncodedSettings, chains: Sequence[str], train: np.ndarray, raw: Path) -> tuple[np.ndarray, dict[str, Any]]:
    """Features float32 (N, F) of clean ``chains``, standardised on the rows ``train``, and what the card says of them."""
    embedder = Embedder(chosen(settings.encoders), raw, remembered_beside(raw))
    x = embedder(chains)
    known, columns = scaling(x, train), embedder.names()
    licences = {registry.part("encoder", name).LICENCE for name in embedder.encoders}
    card = {
        "encoders": "; ".join(f"{name}: {work.told()}" for name, work in embedder.work.items()),
        "encoder_licences": "; ".join(sorted(licences)),
        "scaling": known.card(),
        "constant_features": [name for name, scale in zip(columns, known.scale, strict=True) if scale == 0],
    }
    return known.apply(x), card
