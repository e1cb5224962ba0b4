"""docs/gpu.md, generated from gpu.json: the numbers of a run, and the parts that did not run."""

from collections.abc import Callable, Mapping
from typing import Any

Rows = list[dict[str, Any]]


def verdict(part: Mapping[str, Any]) -> str:
    """``agrees``, ``measured``, ``skipped`` or ``FAILS``."""
    if "error" in part:
        return "FAILS"
    found = part["found"]
    rows = found if isinstance(found, list) else [found]
    if "not_run" in rows[0]:
        return "skipped"
    judged = [row["agrees"] for row in rows if "agrees" in row]
    return "measured" if not judged else "agrees" if all(judged) else "FAILS"


def text(result: Mapping[str, Any]) -> str:
    """The whole page."""
    sections = [_section(name, result[name], result["machine"]["date"]) for name in SECTIONS if name in result]
    missing = [name for name in SECTIONS if name not in result]
    if missing:
        sections.append(f"Not run: {', '.join(missing)}.")
    return "\n\n".join([_head(result["machine"]), *sections]) + "\n"


def _head(machine: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    gpu = machine["device"] != "cpu"
    what = f"{machine['name']}, {machine['memory_gib']} GiB, CUDA {machine['cuda']}" if gpu else "CPU only: a rehearsal"
    return (
        f"# {'GPU' if gpu else 'Rehearsal without a GPU'}\n\n"
        f"Written by `make gpu-check` from gpu.json; do not edit. {what}; {machine['cores']} CPU cores, of which torch used "
        f"{machine['threads']}; measured on {machine['date']} by `{machine['command']}`.\n"
        f"Python {machine['python']}, {versions}."
    )


def _section(name: str, part: Mapping[str, Any], date: str = "") -> str:
    title, explanation, table = SECTIONS[name]
    if "error" in part:
        body = f"**FAILS**: `{part['error']}`"
    elif verdict(part) == "skipped":
        body = f"Skipped: {part['found']['not_run']}."
    else:
        body = f"{explanation}\n\n{table(part['found'])}"
    note = f"\n\n{part['note']}" if "note" in part else ""
    if part.get("aside"):
        note += "\n\nRun beside other parts."
    if part.get("date", date) != date:
        note += f"\n\nMeasured on {part['date']}."
    return f"## {title}\n\n{body}{note}"


def _table(columns: Mapping[str, Callable[[dict[str, Any]], str]]) -> Callable[[Any], str]:
    """A Markdown table of one or more rows."""

    def table(found: Any) -> str:
        rows: Rows = found if isinstance(found, list) else [found]
        lines = [list(columns), ["---"] * len(columns), *([cell(row) for cell in columns.values()] for row in rows)]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    return table


def _number(name: str, form: str = ",.3g") -> Callable[[dict[str, Any]], str]:
    """The number; empty in a row whose note explains its absence."""
    return lambda row: "" if "note" in row else "not measured" if row[name] is None else format(row[name], form)


def _count(name: str) -> Callable[[dict[str, Any]], str]:
    return lambda row: format(row[name], ",d")


def _word(name: str) -> Callable[[dict[str, Any]], str]:
    return lambda row: str(row.get(name, ""))


def _yes(row: dict[str, Any]) -> str:
    return row["note"] if "note" in row else "yes" if row["agrees"] else "**NO**"


def _gain(row: dict[str, Any]) -> str:
    return "" if None in (row["device"], row["cpu"]) else f"{float(f'{row["device"] / row["cpu"]:.2g}'):,g}"


def _rate(name: str) -> Callable[[dict[str, Any]], str]:
    return lambda row: "not measured" if row.get(name) is None else f"{float(f'{row[name]:.3g}'):,.0f}"


FIT = {"student": _word("student"), "signal": _word("signal"), "strength by": _word("strength")}
TIMES = {"seconds": _number("seconds", ".1f"), "seconds on CPU": _number("cpu_seconds", ".1f")}
SECTIONS: dict[str, tuple[str, str, Callable[[Any], str]]] = {
    "tests": (
        "Marked tests", "`pytest -m gpu`.",
        _table({word: (lambda row, word=word: str(row.get(word, 0))) for word in ("passed", "failed", "skipped")}),
    ),
    "densities": (
        "Densities and gradients",
        "Relative error of float32 against float64 on the CPU, over all examples and members; CUDA convolutions use TF32.",
        _table(FIT | {"log-posterior": _number("log_density", ".1e"), "gradient": _number("gradient", ".1e"),
                      "allowed": _number("tolerance", ".0e"), "agrees": _yes}),
    ),
    "fits": (
        "Fits",
        "Mean absolute difference of test probabilities from the same fit on the CPU, which uses other random numbers, and the "
        "difference between two seeds on the CPU. Allowed: .05, or twice the latter. Times include start-up and tuning.",
        _table(FIT | {"inference": _word("inference"), "difference": _number("difference", ".3f"),
                      "two seeds": _number("by_seed", ".3f"), "agrees": _yes} | TIMES),
    ),
    "teachers": (
        "Teachers", "Same comparison and tolerance as for fits.",
        _table({"family": _word("family"), "difference": _number("difference", ".3f"),
                "two seeds": _number("by_seed", ".3f"), "agrees": _yes} | TIMES),
    ),
    "known": (
        "A known posterior",
        "The normal distribution of the study `validation`, judged by the same rule: the largest error of a mean in exact "
        "standard deviations, and the ratio of standard deviations farthest from 1.",
        _table({"inference": _word("inference"), "mean error": _number("mean_error", "+.3f"),
                "sd ratio": _number("sd_ratio", ".3f"), "verdict": lambda row: row.get("note") or row["verdict"],
                "CPU verdict": _word("cpu_verdict")} | TIMES),
    ),
    "samplers": (
        "SGLD: member-steps per second",
        "Minibatches of 64, two teachers. The CPU uses all cores of the same machine; the two smallest students are "
        "compiled there.",
        _table({"student": _word("student"), "parameters": _number("parameters", ",d"), "chains": _number("chains", ",d"),
                "GPU": _rate("device"), "CPU": _rate("cpu"), "speed-up": _gain}),
    ),
    "graphs": (
        "CUDA graphs: gradients per second",
        "The gradient of one minibatch of 64 for all chains, operator by operator and replayed as one CUDA graph. Samplers do "
        "not use graphs.",
        _table({"student": _word("student"), "parameters": _count("parameters"), "chains": _count("chains"),
                "operators": _rate("eager"), "graph": _rate("graph"), "note": _word("note")}),
    ),
    "images": (
        "CNN student: images per second", "Gradients on minibatches of 64, one per seed; all seeds together.",
        _table({"images": _word("images"), "parameters": _number("parameters", ",d"), "seeds": _number("seeds", ",d"),
                "GPU": _rate("device"), "CPU": _rate("cpu"), "speed-up": _gain}),
    ),
    "nuts": (
        "NUTS by numpyro",
        "A linear student, four chains in one computation, including compilation; the largest difference of posterior means in "
        "posterior standard deviations (allowed: .25).",
        _table({"parameters": _number("parameters", "d"), "draws": _number("draws", ",d"), "JAX device": _word("jax_device"),
                "difference": _number("difference", ".3f"), "agrees": _yes} | TIMES),
    ),
    "study": (
        "A complete study", "`device: cuda`, from scratch, all cores; several jobs share the GPU.",
        _table({"study": _word("study"), "jobs": _number("jobs", "d"), "seconds": _number("wall_s", ".0f")}),
    ),
}  # fmt: skip
