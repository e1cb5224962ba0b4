"""The check of a GPU: what it compares, what it says of a part that fails, and the page in docs/."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mtbkd.base import registry
from mtbkd.base.errors import ConfigError, ContractError
from mtbkd.bench import gpu
from mtbkd.bench.gpu import agreement, elsewhere, page, speed, teachers
from mtbkd.bench.gpu.sizes import Sizes
from mtbkd.bench.problems import CASES, Case
from mtbkd.contracts.artefacts import read_json
from mtbkd.contracts.draws import Draws
from mtbkd.inference.fitting import Spec
from mtbkd.students import cnn, init_ensemble
from tests.conformance.examples import names

SIZES = Sizes.of("cpu")
ONE = {"student": "mlp", "signal": "tip", "log_density": 1e-7, "gradient": 1e-7, "tolerance": 1e-4, "agrees": True}
NOTED = {"student": "mlp", "signal": "tip", "note": "elsewhere"}


def test_the_page_in_docs_is_what_the_numbers_beside_it_say() -> None:
    assert (gpu.DOCS / "gpu.md").read_text() == page.text(read_json(gpu.DOCS / "gpu.json"))


def test_every_part_has_a_section() -> None:
    assert set(page.SECTIONS) == set(gpu.PARTS)


def test_every_signal_algorithm_and_family_is_compared_or_says_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    _, signals, _, algorithms = zip(*agreement.combinations(), strict=True)
    assert set(signals) == set(registry.KINDS["signal"]) and set(algorithms) == set(registry.KINDS["inference"])
    monkeypatch.setattr(agreement, "_judged", lambda name, settings, where: {"verdict": "recovers", "seconds": 1.0})
    notes = {row["inference"]: row.get("note") for row in agreement.known("cpu", Sizes())}
    assert list(notes) == list(registry.KINDS["inference"])
    assert set(notes.values()) == {None, agreement.POINT, agreement.ON_CPU} and notes["hmc"] is None
    assert {*teachers.EXAMPLES, *teachers.ELSEWHERE} == set(registry.KINDS["teacher"])


def test_what_is_not_the_devices_says_so_in_its_row() -> None:
    row = agreement._compared("linear", "tip", agreement.BY_LAMBDA, "nuts", "cpu", SIZES)
    assert page.verdict({"found": [ONE, row]}) == "agrees"
    told = page._section("fits", {"found": [row]}).splitlines()[-1]
    assert told == f"| linear | tip | {agreement.BY_LAMBDA} | nuts |  |  | {agreement.ON_CPU} |  |  |"


def test_a_part_that_fails_is_recorded_and_stops_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(device: str, sizes: Sizes) -> None:
        raise RuntimeError("an illegal memory access\nand more")

    monkeypatch.setitem(gpu.PARTS, "fits", broken)
    monkeypatch.setitem(gpu.PARTS, "densities", lambda device, sizes: [ONE])
    assert not gpu.run("cpu", tmp_path, ["fits", "densities"])
    found, text = read_json(tmp_path / "gpu.json"), (tmp_path / "gpu.md").read_text()
    assert found["fits"]["error"] == "RuntimeError: an illegal memory access" and found["densities"]["found"] == [ONE]
    assert "**FAILS**: `RuntimeError: an illegal memory access`" in text and "Not run: tests" in text
    assert text.startswith("# Rehearsal without a GPU") and text == page.text(found)
    assert gpu.run("cpu", tmp_path, ["densities"])


def test_some_parts_alone_replace_their_own_of_the_last_run_on_such_a_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(gpu.PARTS, "densities", lambda device, sizes: [ONE | {"agrees": False}])
    monkeypatch.setitem(gpu.PARTS, "fits", lambda device, sizes: [NOTED])
    assert not gpu.run("cpu", tmp_path, ["densities"])
    assert gpu.run("cpu", tmp_path, ["fits"])
    found = read_json(tmp_path / "gpu.json")
    assert found["densities"]["found"] == [ONE | {"agrees": False}] and found["fits"]["found"] == [NOTED]
    assert "--parts densities`, then `scripts/gpu_check.py --device cpu --parts fits`" in (tmp_path / "gpu.md").read_text()
    here = elsewhere.machine("cpu")
    monkeypatch.setattr(elsewhere, "machine", lambda device: here | {"name": "another"})
    assert gpu.run("cpu", tmp_path, ["fits"]) and "densities" not in read_json(tmp_path / "gpu.json")


def test_a_row_that_disagrees_fails_its_part() -> None:
    assert page.verdict({"found": [ONE, ONE]}) == "agrees"
    assert page.verdict({"found": [ONE, ONE | {"agrees": False}]}) == "FAILS"
    assert page.verdict({"found": {"not_run": "not installed: snakemake"}}) == "skipped"


def test_an_unknown_part_and_a_missing_gpu_are_refused_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match=r"--parts: found speed; allowed: densities"):
        gpu.run("cpu", tmp_path, ["speed"])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ContractError, match="a CUDA device visible to torch"):
        gpu.run("cuda", tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("strength", agreement.strengths("power"))
@pytest.mark.parametrize("student", names("student"))
def test_a_gradient_that_is_off_by_a_tenth_of_a_percent_disagrees_unless_rounded(
    student: str, strength: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert agreement._density(student, "power", strength, "cpu")["agrees"]
    right = agreement._of
    monkeypatch.setattr(
        agreement, "_of", lambda problem, *rest: right(problem, *rest) * (1.001 if problem.x.dtype == torch.float32 else 1)
    )
    found = agreement._density(student, "power", strength, "cpu")
    assert found["gradient"] == pytest.approx(1e-3, rel=0.02) and found["agrees"] == (student == "cnn")


def test_a_fit_that_predicts_something_else_disagrees(monkeypatch: pytest.MonkeyPatch) -> None:
    assert agreement._compared("linear", "tip", agreement.BY_LAMBDA, "map", "cpu", SIZES)["agrees"]
    right = agreement.fit

    def shifted(spec: Spec, *rest: object) -> Draws:
        draws = right(spec.model_copy(update={"device": "cpu"}), *rest)  # pyright: ignore[reportArgumentType]
        if spec.device == "cuda":
            draws.prob[:] = np.roll(draws.prob, 1, -1)
        return draws

    monkeypatch.setattr(agreement, "fit", shifted)
    assert not agreement._compared("linear", "tip", agreement.BY_LAMBDA, "map", "cuda", SIZES)["agrees"]


def test_what_is_too_large_or_too_slow_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "_step_seconds", lambda case, chains, device, budget: 1.0 * chains)
    case, sizes = CASES[0], Sizes(chains=(2, 4, 8))
    assert speed._rates(case, "cpu", sizes, None) == [1.0, 1.0, None]  # the third would take 8 seconds a step
    assert speed._rates(case, "cpu", sizes, 2 * case.student.num_params) == [1.0, None, None]

    def full(case: Case, chains: int, device: str, budget: float) -> float:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(speed, "_step_seconds", full)
    assert speed._rates(case, "cpu", sizes, None) == [None, None, None]


def test_a_gradient_is_timed_as_a_graph_or_says_why_it_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert page.verdict({"found": speed.graphs("cpu", SIZES)}) == "skipped"
    monkeypatch.setattr(speed, "_captured", lambda action: action)
    row = speed._graph_row(CASES[0], 2, "cpu", 1e-3)
    assert row["eager"] > 0 and row["graph"] > 0
    assert page.verdict({"found": [row]}) == "measured" and f"| {CASES[0].name} | 27 | 2 |" in page._section(
        "graphs", {"found": [row]}
    )

    def refused(action: object) -> None:
        raise RuntimeError("operation not permitted when stream is capturing\nand more")

    monkeypatch.setattr(speed, "_captured", refused)
    row = speed._graph_row(CASES[0], 2, "cpu", 1e-3)
    line = page._section("graphs", {"found": [row]}).splitlines()[-1]
    assert line.endswith("| not measured | RuntimeError: operation not permitted when stream is capturing |")


def test_parts_with_processes_of_their_own_run_beside_those_that_compare_and_the_page_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = threading.Barrier(2, timeout=30)

    def together(found: Any) -> Any:
        def measured(device: str, sizes: Sizes) -> Any:
            both.wait()
            return found

        return measured

    monkeypatch.setitem(gpu.PARTS, "densities", together([ONE]))
    monkeypatch.setitem(gpu.PARTS, "tests", together({"passed": 3, "agrees": True}))
    assert gpu.run("cpu", tmp_path, ["densities", "tests"])
    found = read_json(tmp_path / "gpu.json")
    assert found["tests"]["aside"] and "aside" not in found["densities"]
    assert "Run beside other parts." in page._section("tests", found["tests"])


def test_a_part_that_was_measured_on_another_day_says_when() -> None:
    part = {"found": [ONE], "date": "2026-11-27"}
    assert page._section("densities", part, "2026-11-26").endswith("Measured on 2026-11-27.")
    assert "Measured on" not in page._section("densities", part, "2026-11-27")


def test_steps_are_counted_by_what_an_action_took(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(1000))
    monkeypatch.setattr(speed, "perf_counter", lambda: next(clock))
    assert speed.seconds_each(lambda: 4, "cpu", budget=0.1) == 1 / 4


def test_the_marked_tests_are_found_and_skipped_on_a_cpu() -> None:
    found = elsewhere.tests("cpu", SIZES)
    assert found["agrees"] and not found["names"] and (torch.cuda.is_available() or found["skipped"] >= 10)


def test_a_gpu_computes_no_more_than_so_many_members_at_once() -> None:
    student = cnn.build(cnn.Settings(channels=(2,), hidden=(3,)), (1, 4, 4), 2)
    params = init_ensemble(student, [0]).repeat(300, 1)
    assert [part.stop - part.start for part in student._chunks(params.to("meta"), torch.zeros(1, 2, 1, 4, 4))] == [128, 128, 44]
    assert len(list(student._chunks(params, torch.zeros(1, 2, 1, 4, 4)))) == 1
