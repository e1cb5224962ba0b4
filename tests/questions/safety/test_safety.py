"""Safety-constrained distillation: the solver on a problem with a known answer, and the whole on small data."""

from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from mtbkd.base.errors import ContractError
from mtbkd.contracts.artefacts import Dataset, Logits, ids_digest
from mtbkd.inference.optimise import Training
from mtbkd.posterior.problem import Shared, make_problem
from mtbkd.questions.inputs import Inputs
from mtbkd.questions.safety import question as safety
from mtbkd.questions.safety import section as report
from mtbkd.questions.safety.augmented import Constrained, Schedule, solve
from mtbkd.questions.safety.price import class_set
from mtbkd.questions.safety.spec import Settings
from mtbkd.signals import kd
from mtbkd.students.linear import Linear
from tests.questions.drawn import asked, checked

LAM = 2.0
INSIDE = torch.tensor([True, False, True, False])


def test_an_intercept_only_student_gets_the_closed_form_and_its_multiplier() -> None:
    """minimise -sum_k t_k log q_k subject to q(S) <= eps, where t sums to T = 1 + lambda.

    Inside and outside the set the classes keep the proportions of t; the multiplier is (t(S) / eps - T) / (1 - eps), 0 where
    the free solution t(S) / T already lies below eps.
    """
    rng = np.random.default_rng(0)
    y = torch.as_tensor(rng.choice(4, (1, 40), p=[0.1, 0.2, 0.3, 0.4]))
    logits = torch.as_tensor(rng.standard_normal((1, 40, 2, 4))).float()
    limit = torch.tensor([torch.inf, 0.9, 0.2, 0.05, 0.02])
    one = torch.ones(len(limit))
    problem = make_problem(
        Linear(0, 4, False), torch.zeros(1, 40, 0), y, torch.zeros(len(limit), dtype=torch.int64), kd,
        kd.Settings(), Shared(one * LAM, one, one * torch.inf, one, one), logits, torch.full((1, 40, 2), 0.5),
    )  # fmt: skip
    start = torch.zeros(len(limit), problem.num_params)
    found = solve(Constrained.of(problem, INSIDE, limit), start, Schedule(20, 40, 0.1, 20.0))
    target = (torch.nn.functional.one_hot(y[0], 4).float().mean(0) + LAM * torch.softmax(logits, -1).mean((0, 1, 2))).numpy()
    share, total = target[INSIDE.numpy()].sum(), 1 + LAM
    assert share / total > 0.2
    eps = np.array([share / total, share / total, 0.2, 0.05, 0.02])
    expected = np.where(INSIDE, target / share * eps[:, None], target / (total - share) * (1 - eps[:, None]))
    q = torch.softmax(problem.student.apply(found.params, problem.x)[:, 0], -1).numpy()
    np.testing.assert_allclose(q, expected, atol=2e-4)
    np.testing.assert_allclose(found.multiplier, (share / eps - total) / (1 - eps), rtol=2e-3, atol=2e-3)
    for residual in (found.violation, found.stationarity, found.complementarity):
        assert residual.max() < 5e-3


def data() -> tuple[Dataset, list[Logits]]:
    """Three classes on a line, the last one hard to tell from the second; a careless and a cautious teacher of it."""
    rng = np.random.default_rng(0)
    n = 240
    y = np.arange(n) % 3
    x = (np.array([-2.0, 1.0, 2.0])[y] + rng.standard_normal(n)).astype(np.float32)
    split = np.repeat(["train", "val", "test"], n // 3)
    ids = np.array([str(i) for i in range(n)])
    dataset = Dataset("line", x[None, :, None], y[None].astype(np.int64), split, ("a", "b", "c"), ids).validate()
    raw = -0.5 * (x[:, None] - np.array([-2.0, 1.0, 2.0])) ** 2
    teachers = [
        Logits(name, (raw + np.array([0, 0, bias]))[None].astype(np.float32), np.ones(n, bool), ids_digest(ids))
        for name, bias in (("careless", 0.5), ("cautious", -1.0))
    ]
    return dataset, teachers


@pytest.fixture(scope="module")
def tables() -> dict:
    dataset, teachers = data()
    posterior = {"lambda": (1.0,), "beta": (1.0,), "prior_scale": (2.0,), "teacher_temperature": (1.0,),
                 "student_temperature": (1.0,), "temperature": (1.0,)}  # fmt: skip
    inputs = Inputs.in_memory(
        name="safety", seed=1, device="cpu", dataset=dataset, teachers=teachers, posterior=posterior,
        student={"architecture": "mlp", "settings": {"hidden": [4]}},
        training=Training.model_validate({"steps": 200, "restarts": 1}),
    )  # fmt: skip
    settings = {"classes": ("c",), "limits": (0.2, 0.05), "rounds": 20, "round_steps": 40, "learning_rate": 0.02}
    return safety.run(inputs, Settings.model_validate(settings))


def test_every_limit_is_kept_and_the_stricter_costs_more(tables: dict) -> None:
    students = tables["students"].set_index(["origin", "limit"])
    assert students.loc["none", "mass_train"].iloc[0] > 0.22
    limited = students.loc[["stated", "safest teacher"]].reset_index()
    assert (limited["violation"] <= 0.01 * limited["limit"]).all() and (limited["stationarity"] < 0.02).all()
    strict, loose = students.loc[("stated", 0.05)], students.loc[("stated", 0.2)]
    assert strict["multiplier"] > loose["multiplier"] > 0
    assert strict["objective"] > loose["objective"] > students.loc["none", "objective"].iloc[0]


def test_the_multiplier_is_the_slope_of_the_price(tables: dict) -> None:
    """The objective is convex in the limit here, so that its chord lies between the multipliers at its ends."""
    students = tables["students"].set_index(["origin", "limit"])
    strict, loose = students.loc[("stated", 0.05)], students.loc[("stated", 0.2)]
    chord = (strict["objective"] - loose["objective"]) / (loose["mass_train"] - strict["mass_train"])
    assert loose["multiplier"] < chord < strict["multiplier"]


def test_the_safest_teacher_sets_a_limit(tables: dict) -> None:
    teachers = tables["teachers"].set_index("teacher")["mass_train"]
    own = tables["students"].query("origin == 'safest teacher'")
    assert teachers["cautious"] < teachers["careless"] and own["limit"].iloc[0] == pytest.approx(teachers["cautious"])


def test_the_report_and_the_figure_show_it(tables: dict, tmp_path: Path) -> None:
    settings = Settings.model_validate({"classes": ("c",)}).model_dump(mode="json")
    section = report.section("safety", tables, settings)
    assert "Of 3 constrained fits, 3 stay below" in section.told[0]
    shown = (*section.tables, *section.details)
    assert all(len(row.cells) == len(table.columns) for table in shown for row in table.rows)
    figure, spec = checked(asked("safety", tables, tmp_path, settings))["safety_price"]
    assert len(figure.axes) == 4
    stated = [row["mean"] for row in spec["datasets"]["data"] if row["panel"] == 2 and row["group"] == "stated limits"]
    assert stated == pytest.approx(
        tables["students"].query("origin == 'stated'").sort_values("limit")["multiplier"].tolist(), rel=1e-3
    )


def test_classes_are_checked_against_the_data() -> None:
    dataset, _ = data()
    assert class_set(dataset, ()).tolist() == [False, False, True]
    with pytest.raises(ContractError, match="classes: found 'C'; expected a, b, c"):
        class_set(dataset, ("C",))
    with pytest.raises(ContractError, match="not all"):
        class_set(dataset, ("a", "b", "c"))


@pytest.mark.parametrize("settings", [{"limits": (0.0,)}, {"limits": (1.0,)}, {"limits": ()}, {"limits": (0.1, 0.1)}])
def test_limits_that_are_no_probabilities_are_refused(settings: dict) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(settings)
