"""Bounds and measurements, met or not."""

from typing import Any

from mtbkd.bench import images
from mtbkd.bench.problems import CASES

IMPORT_S, FLOOR_TIMES, CHAINS_TIMES, FURTHER_REPLICATE, SEEDS_TIMES, VARIATES_TIMES = 0.2, 2.0, 12.0, 0.25, 4.0, 1.7
VI_SHARE = 0.25  # of the steps of SGLD: a step of vi moves two numbers a parameter by Adam, one of SGLD moves one
STUDY_S = {"smoke": 150, "demo": 600, "validation": 1800, "paper_simulations": 3600, "images": 2700, "protein": 2700}
FIT_S, POOL_S = 60, 1.0
IN_USE_S, ROWS_PER_S = {"map": 0.5, "laplace": 2.0, "sgld": 5.0}, 10_000  # of a user's fit, and of mtbkd predict
STUDY_MB = 4096
MANY, MOST = 64, 256  # chains of the bounds


def rate(result: dict[str, Any], student: str, chains: int, algorithm: str = "sgld") -> float:
    """Chain-steps per second."""
    wanted = {"student": student, "chains": chains, "algorithm": algorithm}
    return next(row["chain_steps_per_s"] for row in result["rates"] if wanted.items() <= row.items())


def bounds(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows {what, measured, at_most or at_least, met} of everything in ``result`` that has a bound, or {what, measured}."""
    rows = [_at_most("import mtbkd, s", result["import_s"], IMPORT_S)]
    for row in result["replicates"]:
        rows.append(_at_most(f"8 replicates against 1, {row['student']}", row["ratio"], row["bound"]))
        further = (row["ratio"] - 1) / 7
        rows.append(_at_most(f"a further replicate against the first, {row['student']}", further, FURTHER_REPLICATE))
    for case in CASES:
        batched, student = rate(result, case.label, MANY), case.label
        if case.loop_bound:
            gain = result["peers"][student]["plain loop"] * batched
            rows.append(_at_least(f"plain loop against SGLD of {MANY} chains, {student}", gain, case.loop_bound))
            most = result["peers"][student]["plain loop"] * MANY / result["floors"][student]["total"]
            rows.append({"what": f"the same at the floor of {MANY} chains, {student}", "measured": most})
    small = CASES[1].label
    cost = MOST / rate(result, small, MOST) / result["peers"][small]["plain loop"]
    rows.append(_at_most(f"a step of {MOST} chains against one of 1 in a plain loop, {small}", cost, CHAINS_TIMES))
    share = rate(result, small, 1, "vi") / rate(result, small, 1)
    rows.append(_at_least(f"steps of vi of 1 sample against those of SGLD of 1 chain, {small}", share, VI_SHARE))
    for case in CASES:
        step = MANY / rate(result, case.label, MANY)
        above = step / result["floors"][case.label]["total"]
        rows.append(_at_most(f"SGLD of {MANY} chains against the floor, {case.label}", above, FLOOR_TIMES))
    for row in result.get("control_variates", []):
        what = f"a step of SGLD with control variates against one without, {row['form']}, {row['student']}"
        rows.append(_at_most(what, row["ratio"], VARIATES_TIMES))
    for row in result["images"]:
        rows.append(_at_most(f"8 seeds of the CNN against one of a plain loop, {row['images']}", row["of_loop"], SEEDS_TIMES))
        against_ours = f"8 seeds of the CNN against one of ours, {row['images']}"
        # Where convolutions are most of the work, a core takes as long for each of eight seeds as for one.
        if row["images"] in images.CALLS_COUNT:
            rows.append(_at_most(against_ours, row["of_one"], SEEDS_TIMES))
        else:
            rows.append({"what": against_ours, "measured": row["of_one"]})
    for row in result.get("pools", []):
        if row["bounded"]:
            what = f"{row['examples']:,} examples through the pool {row['operator']}, s"
            rows.append(_at_most(what, row["seconds"], POOL_S))
    if fit := result.get("proteins"):
        rows.append(_at_most("the paper's posterior of proteins from encoded features, s", fit["fit_s"], FIT_S))
    if used := result.get("in_use"):
        rows += [_at_most(f"the estimator by {name}, s", used[f"{name}_s"], most) for name, most in IN_USE_S.items()]
        rows.append(_at_least("rows of mtbkd predict a second", used["rows_per_s"], ROWS_PER_S))
    if told := result.get("study"):
        if told["study"] in STUDY_S:
            rows.append(_at_most(f"study {told['study']} from nothing, s", told["wall_s"], STUDY_S[told["study"]]))
        rows.append(_at_most(f"largest process of study {told['study']}, MB", told["peak_process_mb"], STUDY_MB))
    return rows


def _at_most(what: str, measured: float, bound: float) -> dict[str, Any]:
    return {"what": what, "measured": measured, "at_most": bound, "met": bool(measured <= bound)}


def _at_least(what: str, measured: float, bound: float) -> dict[str, Any]:
    return {"what": what, "measured": measured, "at_least": bound, "met": bool(measured >= bound)}


def table(rows: list[dict[str, Any]]) -> str:
    """The bounds as text, one per line."""
    width = max(len(row["what"]) for row in rows)
    lines = []
    for row in rows:
        if "met" not in row:
            lines.append(f"{row['what']:<{width}}  {row['measured']:8.2f}  for information")
            continue
        side, bound = ("at most", row["at_most"]) if "at_most" in row else ("at least", row["at_least"])
        verdict = "met" if row["met"] else "NOT MET"
        lines.append(f"{row['what']:<{width}}  {row['measured']:8.2f}  {side:>8} {bound:5g}  {verdict}")
    return "\n".join(lines)
