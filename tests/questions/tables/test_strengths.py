"""Ways to choose the strength of teachers on a small table: what is chosen, what is mixed, and what the page says."""

import numpy as np
import pytest

from mtbkd.base.errors import ConfigError
from mtbkd.questions.tables import section_strengths, strengths
from mtbkd.questions.tables.spec import Settings, parts_of
from mtbkd.questions.tables.strength_gains import WAYS, strength_gains
from tests.evaluation.table_scores import table_strengths
from tests.questions.tables.examples import SETTINGS, dataset, study

SHORT = {"tables": ["iris"], "labels": [20], "kappa": [0.1, 1.0, 10.0],
         "settings": {"chains": 2, "particles": 40, "sweeps": 1, "leapfrogs": 4, "final_sweeps": 2}}  # fmt: skip


def test_all_ways_choose_among_the_same_posteriors(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    once = strengths.weighed

    def spied(*args):
        seen.append(once(*args))
        return seen[-1]

    monkeypatch.setattr(strengths, "weighed", spied)
    of = study(dataset(), strengths=SHORT)
    found = {way: (prob, kappa) for _, way, prob, kappa, _ in strengths.choices(of)}
    assert {*found} == {*WAYS} and len(seen) == 1
    prob, value = seen[0][0], seen[0][1].value.reshape(3, 2)
    for way in ("validation", "cross_validation", "evidence"):
        own, kappa = found[way]
        at = [SHORT["kappa"].index(round(k, 6)) for k in kappa]
        np.testing.assert_allclose(own, [prob[a, r] for r, a in enumerate(at)])
        if way == "evidence":
            assert at == value.argmax(0).tolist()
    weight = np.exp(value - value.max(0)) / np.exp(value - value.max(0)).sum(0)
    np.testing.assert_allclose(found["evidence_average"][0], np.einsum("ar,armk->rmk", weight, prob), rtol=1e-6)
    np.testing.assert_allclose(np.array(found["evidence_average"][0]).sum(-1), 1, rtol=1e-5)


def test_only_the_parts_that_are_asked_for_have_the_sub_study() -> None:
    settings = Settings.model_validate({**SETTINGS, "groups": {"A": ["iris", "wine"]}, "regimes": ["clusters", "features"],
                                        "strengths": SHORT})  # fmt: skip
    asked = {name: part.settings.strengths.tables for name, part in parts_of(settings).items()}
    assert asked == {"iris-clusters": ("iris",), "iris-features": (), "wine-clusters": (), "wine-features": ()}


@pytest.mark.parametrize(("change", "told"), [({"method": "self_training"}, "strengths: found 'self_training'"),
                                              ({"tables": ["wine"]}, "strengths: found 'wine'; allowed: iris")])  # fmt: skip
def test_what_the_sub_study_cannot_use_is_refused(change: dict, told: str) -> None:
    with pytest.raises((ConfigError, ValueError), match=told):
        Settings.model_validate({**SETTINGS, "strengths": {**SHORT, **change}})


def test_gains_on_cross_validation_are_paired_over_splits() -> None:
    found = strength_gains(table_strengths(gain=0.1), {"Vehicle": 0.3, "wine": 0.3}).set_index(["metric", "way"]).sort_index()
    assert set(found.loc[("nll", "evidence"), "verdict"]) == {"better"}
    assert set(found.loc[("nll", "validation"), "verdict"]) == {"worse"}
    np.testing.assert_allclose(found.loc[("nll", "evidence"), "difference"], -0.1, atol=0.01)
    assert len(strength_gains(table_strengths().iloc[:0], {})) == 0


def test_names_of_few_tables_are_words() -> None:
    assert section_strengths.name(2) == "two tables"
