"""ESM-2-8M without its weights: the errors, and the whole path on a random model of the same class, saved to disk."""

import sys
from pathlib import Path

import numpy as np
import pytest

from mtbkd.base.errors import ConfigError, ContractError
from mtbkd.data.encoders import esm2_8m

SETTINGS = esm2_8m.Settings.model_validate({})
CHAINS = ["MKVLLACDE", "MSTNPKPQRKTKRNTNRRPQDVKFP", "GX"]


def test_without_transformers_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ConfigError, match=r"found no package transformers.*EXTRAS=esm.*run without"):
        esm2_8m.load(SETTINGS, tmp_path)


def test_1000_tokens_are_998_residues_and_two_signs():
    assert len(esm2_8m.prepared(SETTINGS, "A" * 1200)) + 2 == 1000


@pytest.fixture(scope="module")
def random_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of raw files whose weights are random, in the layout of the published checkpoint."""
    transformers = pytest.importorskip("transformers", reason="NOT INSTALLED: the extra esm (transformers)")
    from safetensors.torch import save_file

    raw = tmp_path_factory.mktemp("raw")
    (raw / esm2_8m.WEIGHTS).parent.mkdir()
    model = transformers.EsmForMaskedLM(transformers.EsmConfig(**esm2_8m.CONFIG))
    state = {name: value.clone() for name, value in model.state_dict().items()}
    save_file(state, raw / esm2_8m.WEIGHTS)
    return raw


def test_missing_weights_say_how_to_get_them(tmp_path: Path):
    pytest.importorskip("transformers", reason="NOT INSTALLED: the extra esm (transformers)")
    with pytest.raises(ConfigError, match=r"facebook/esm2_t6_8M_UR50D.*run without"):
        esm2_8m.load(SETTINGS, tmp_path)


def test_a_checkpoint_of_the_published_layout_is_read_whole(random_model: Path):
    import torch
    from safetensors.torch import load_file

    model = esm2_8m.load(SETTINGS, random_model)
    stored = load_file(random_model / esm2_8m.WEIGHTS)
    for name, value in model.state_dict().items():
        if "inv_freq" not in name and "position_ids" not in name and "contact" not in name:
            assert torch.equal(value, stored[f"esm.{name}"]), name
    assert not any(p.requires_grad for p in model.parameters())


def test_the_mean_is_over_residues_and_padding_does_not_matter(random_model: Path):
    import torch

    model = esm2_8m.load(SETTINGS, random_model)
    together = esm2_8m.encode(model, CHAINS)
    alone = np.concatenate([esm2_8m.encode(model, [chain]) for chain in CHAINS])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    codes = [esm2_8m.START, *(4 + esm2_8m.LETTERS.index(a) for a in CHAINS[0]), esm2_8m.END]
    hidden = model(input_ids=torch.tensor([codes])).last_hidden_state[0]
    np.testing.assert_allclose(together[0], hidden[1:-1].mean(0).numpy(), atol=1e-5)
    assert together.shape == (3, esm2_8m.DIM) and together.dtype == np.float32


def test_weights_of_another_model_are_refused(random_model: Path, tmp_path: Path):
    from safetensors.torch import load_file, save_file

    stored = load_file(random_model / esm2_8m.WEIGHTS)
    (tmp_path / esm2_8m.WEIGHTS).parent.mkdir()
    for wrong in (
        {name: value for name, value in stored.items() if "layer.5" not in name},
        {name: value[:1].clone() if "word_embeddings" in name else value for name, value in stored.items()},
    ):
        save_file(wrong, tmp_path / esm2_8m.WEIGHTS)
        with pytest.raises(ContractError, match="expected the weights of ESM-2-8M"):
            esm2_8m.load(SETTINGS, tmp_path)
