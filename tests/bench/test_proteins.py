"""The bench's posterior of the paper: its schedule, and a short run of it."""

import pytest

from mtbkd.bench import proteins, verdict
from mtbkd.inference import sgld
from tests.bench.test_bench import measured


def test_the_schedule_is_the_papers():
    assert (proteins.steps(proteins.MAP_EPOCHS), proteins.steps(proteins.SGLD_EPOCHS)) == (3840, 2560)
    assert proteins.CASE.sizes == (320, 128, 10)
    size = {"steps": 2560, "burn_in": 640, "thin": 16, "chains": proteins.CHAINS}
    assert len(sgld.Settings.model_validate(size).kept()) * proteins.CHAINS == 480


def test_a_short_fit_gives_draws_of_every_chain():
    draws = proteins.fit(map_steps=5, sgld_steps=64)
    assert draws.shape[1] == proteins.CHAINS and draws.shape[2] > 0 and draws.isfinite().all()


def test_the_encoder_is_timed_without_its_weights():
    assert proteins.encoder_seconds() > 0


def test_the_bound_on_the_fit_is_judged():
    for seconds, met in ((59.0, True), (61.0, False)):
        found = verdict.bounds(measured(2.0) | {"proteins": {"fit_s": seconds}})
        assert [row["met"] for row in found if "proteins" in row["what"]] == [met]


def test_encoding_in_the_loop_costs_a_pass_an_epoch(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(proteins, "encoder_seconds", lambda: 0.64)
    monkeypatch.setattr(proteins, "fit", lambda: None)
    found = proteins.measure()
    assert found["encoder_in_the_loop_s"] == pytest.approx(200 * 20, abs=0.1)
    assert found["encoded_once_s"] == pytest.approx(20, abs=0.1) and found["times"] == pytest.approx(200, rel=0.01)
