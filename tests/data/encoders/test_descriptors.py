"""Descriptors of chains: known values by hand and from Biopython."""

import numpy as np
import pytest
from Bio.SeqUtils.ProtParam import ProteinAnalysis
from hypothesis import given
from hypothesis import strategies as st

from mtbkd.data.encoders import descriptors
from mtbkd.data.encoders.descriptors import FEATURES, HEAD, TAIL, features
from mtbkd.data.sequences import RESIDUES


def described(*chains: str) -> list[dict[str, float]]:
    rows = features(chains)
    return [dict(zip(FEATURES, row, strict=True)) for row in rows]


def test_compositions_are_shares_of_the_known_residues():
    (ac,) = described("AAAC")
    assert (ac["chain_A"], ac["chain_C"], ac["pair_AA"], ac["pair_AC"], ac["pair_CA"]) == (0.75, 0.25, 2 / 3, 1 / 3, 0)
    (long,) = described("A" * HEAD + "C" * TAIL)
    assert (long["head_A"], long["tail_C"], long["chain_A"]) == (1, 1, HEAD / (HEAD + TAIL))


def test_scalars_of_glycine_are_known():
    (glycine,) = described("G" * 10)
    assert glycine["weight_per_residue"] == pytest.approx((10 * 75.0666 - 9 * 18.0153) / 10, abs=1e-3)
    assert glycine["gravy"] == pytest.approx(-0.4) and glycine["aromaticity"] == 0
    assert glycine["log_length"] == pytest.approx(np.log(10))
    assert glycine["aliphatic_index"] == 0 and described("AVIL")[0]["aliphatic_index"] == pytest.approx(25 * (1 + 2.9 + 7.8))


@given(st.text(RESIDUES, min_size=1, max_size=120))
def test_scalars_are_those_of_protparam(chain: str):
    (ours,) = described(chain)
    reference = ProteinAnalysis(chain)
    helix, turn, sheet = reference.secondary_structure_fraction()
    expected = {
        "weight_per_residue": reference.molecular_weight() / len(chain),
        "gravy": reference.gravy(),
        "aromaticity": reference.aromaticity(),
        "instability": reference.instability_index(),
        "helix": helix,
        "turn": turn,
        "sheet": sheet,
        "isoelectric_point": reference.isoelectric_point(),
        "charge_ph7_per_residue": reference.charge_at_pH(7.0) / len(chain),
    }
    assert {name: ours[name] for name in expected} == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("letter", "BOUXZ")
def test_ambiguous_residues_count_in_the_length_only(letter: str):
    plain, marked = described("MKWVTFISLL", f"MKWVTFISLL{letter}")
    assert marked.pop("log_length") == pytest.approx(np.log(11)) and plain.pop("log_length") == pytest.approx(np.log(10))
    assert marked == pytest.approx(plain)


def test_no_pair_is_formed_across_an_ambiguous_residue():
    (split,) = described("AXC")
    assert split["pair_AC"] == 0 and split["chain_A"] == 0.5


def test_groups_are_columns_of_the_whole():
    chains = ["MKVLLACDEFGHIKW", "GAVLIXBZUOM"]
    some = descriptors.Settings.model_validate({"groups": ["scalars", "head"]})
    names = descriptors.names(some)
    assert len(names) == len(descriptors.GROUPS["head"]) + len(descriptors.GROUPS["scalars"]) and "pair_AA" not in names
    whole = features(chains)[:, [FEATURES.index(name) for name in names]]
    np.testing.assert_allclose(descriptors.encode(some, chains), whole, rtol=1e-5)
