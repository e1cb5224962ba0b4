"""Speed and memory as ratios within one run; ``make bench`` prints them and writes results/benchmark.json.

No test asserts a speed, because other load on the machine would affect it.
"""

from pathlib import Path
from typing import Any

from mtbkd.base.lazy import torch
from mtbkd.base.writing import write_json
from mtbkd.bench import control_variates, figure, floor, images, in_use, peers, pools, process, proteins, samplers, verdict
from mtbkd.bench.problems import BATCH_SIZE, CASES, Case, best, make, seconds
from mtbkd.students import init_ensemble


def run(out: Path, study: str | None = None) -> dict[str, Any]:
    """Measure, print, write ``out`` and the figure beside it; with ``study``, also time that study from nothing."""
    result: dict[str, Any] = {"machine": process.machine(torch.get_num_threads()), "import_s": process.import_seconds()}
    _say("machine", result["machine"])
    took = seconds(lambda: _measure(result))
    if study:
        result["study"] = process.study_from_nothing(study)
        _say(f"study {study} from nothing", result["study"])
    result["bounds"] = verdict.bounds(result)
    print(f"\n{verdict.table(result['bounds'])}\n\n{took:.0f} s", flush=True)
    write_json(out, result)
    figure.draw(result, out)
    return result


def _measure(result: dict[str, Any]) -> None:
    """Fill ``result``, a line each as it comes."""
    rates = result["machine_rates"] = floor.machine_rates()
    _say("this machine", rates)
    result |= {"replicates": [], "rates": [], "control_variates": [], "peers": {}, "floors": {}, "shares": {}, "memory": {}}
    for number, case in enumerate(CASES):
        result["replicates"].append(replicate_ratio(case))
        result["peers"][case.label] = peers.chain_step_seconds(case)
        _say(f"{case.label}: seconds of a chain-step", result["peers"][case.label])
        for row in samplers.rates(case):
            result["rates"].append(row)
            _say(f"{case.label}: {row['algorithm']}, {row['chains']} chains", {"chain-steps/s": row["chain_steps_per_s"]})
        chains = verdict.MANY
        for row in control_variates.costs(case, chains):
            result["control_variates"].append(row)
            _say(f"{case.label}: a step with control variates against one without, {row['form']}", {"ratio": row["ratio"]})
        step_s = chains / verdict.rate(result, case.label, chains)
        result["shares"][case.label] = samplers.shares(case, step_s, chains, rates["normals_per_s"])
        result["floors"][case.label] = {
            **floor.floor_seconds(case, chains, rates), "chains": chains, "measured": step_s,
            "operator_calls": samplers.operator_calls(case, chains) * rates["call_s"],
        }  # fmt: skip
        result["memory"][case.label] = {"chains": chains, **process.peak_memory(number, chains)}
        for what in ("shares", "floors", "memory"):
            _say(f"{case.label}: {what} of sgld at {chains} chains", result[what][case.label])
    result["pools"] = pools.rates()
    for row in result["pools"]:
        _say(f"{row['examples']:,} examples through the pool {row['operator']}", {"seconds": row["seconds"]})
    result["images"] = process.in_its_own("images")
    for row in result["images"]:
        _say(f"{images.SEEDS} seeds of the CNN, {row['images']}", row)
    result["proteins"] = proteins.measure()
    _say("the paper's fit on proteins, encoded once and in the loop (extrapolated)", result["proteins"])
    result["in_use"] = in_use.measure()
    _say(f"the estimator on {in_use.ROWS:,} rows, and mtbkd predict with {in_use.DRAWS} draws", result["in_use"])
    result["nuts"] = peers.nuts_draws()
    _say("NUTS, linear student", result["nuts"])


def replicate_ratio(case: Case) -> dict[str, Any]:
    """Time of a gradient step of 8 replicates together over that of one; each with its own data and minibatches.

    The step is that of algorithms that take one at a time; samplers and Adam take many of one small student after another.
    """
    one, eight = (_gradient_seconds(case, replicates) for replicates in (1, 8))
    row = {"student": case.label, "one_ms": one * 1e3, "eight_ms": eight * 1e3, "ratio": eight / one}
    _say("8 replicates against 1", row)
    return row | {"bound": case.replicates_bound}


def _gradient_seconds(case: Case, replicates: int) -> float:
    problem, generator = make(case, replicates), torch.Generator().manual_seed(0)
    params, units = init_ensemble(problem.student, list(range(replicates))), problem.members(1)
    return best(lambda: problem.gradient(params, units, problem.minibatch(units, BATCH_SIZE, generator)), repeats=5)


def _say(what: str, values: dict[str, Any]) -> None:
    shown = (f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in values.items())
    print(f"{what}: {', '.join(shown)}", flush=True)
