"""docs/gpu.md out of gpu.json: numbers that a run produced, and what it did not run."""

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
    sections = [_section(name, result[name]) for name in SECTIONS if name in result]
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
        f"{machine['threads']}; {machine['date']}; `{machine['command']}`.\nPython {machine['python']}, {versions}."
    )


def _section(name: str, part: Mapping[str, Any]) -> str:
    title, explanation, table = SECTIONS[name]
    if "error" in part:
        body = f"**FAILS**: `{part['error']}`"
    elif verdict(part) == "skipped":
        body = f"Skipped: {part['found']['not_run']}."
    else:
        body = f"{explanation}\n\n{table(part['found'])}"
    note = f"\n\n{part['note']}" if "note" in part else ""
    return f"## {title}\n\n{body}{note}"


def _table(columns: Mapping[str, Callable[[dict[str, Any]], str]]) -> Callable[[Any], str]:
    """A Markdown table of rows, or of one."""

    def table(found: Any) -> str:
        rows: Rows = found if isinstance(found, list) else [found]
        lines = [list(columns), ["---"] * len(columns), *([cell(row) for cell in columns.values()] for row in rows)]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    return table


def _number(name: str, form: str = ",.3g") -> Callable[[dict[str, Any]], str]:
    """The number; nothing in a row that says why it has none."""
    return lambda row: "" if "note" in row else "not measured" if row[name] is None else format(row[name], form)


def _word(name: str) -> Callable[[dict[str, Any]], str]:
    return lambda row: str(row.get(name, ""))


def _yes(row: dict[str, Any]) -> str:
    return row["note"] if "note" in row else "yes" if row["agrees"] else "**NO**"


def _gain(row: dict[str, Any]) -> str:
    return "" if None in (row["device"], row["cpu"]) else f"{float(f'{row["device"] / row["cpu"]:.2g}'):,g}"


def _rate(name: str) -> Callable[[dict[str, Any]], str]:
    return lambda row: "not measured" if row[name] is None else f"{float(f'{row[name]:.3g}'):,.0f}"


FIT = {"student": _word("student"), "signal": _word("signal"), "strength by": _word("strength")}
TIMES = {"seconds": _number("seconds", ".1f"), "on the CPU": _number("cpu_seconds", ".1f")}
SECTIONS: dict[str, tuple[str, str, Callable[[Any], str]]] = {
    "tests": (
        "Marked tests", "`pytest -m gpu`.",
        _table({word: (lambda row, word=word: str(row.get(word, 0))) for word in ("passed", "failed", "skipped")}),
    ),
    "densities": (
        "Densities and gradients",
        "Relative error of float32 against the CPU's float64, over all examples and members; CUDA's convolutions use TF32.",
        _table(FIT | {"log-posterior": _number("log_density", ".1e"), "gradient": _number("gradient", ".1e"),
                      "allowed": _number("tolerance", ".0e"), "agrees": _yes}),
    ),
    "fits": (
        "Fits",
        "Mean absolute difference of test probabilities from the same fit on the CPU, whose random numbers are others; beside "
        "it what another seed changes on the CPU. Allowed: .05, or twice the latter. Times hold the start and the tuning.",
        _table(FIT | {"inference": _word("inference"), "difference": _number("difference", ".3f"),
                      "of two seeds": _number("by_seed", ".3f"), "agrees": _yes} | TIMES),
    ),
    "teachers": (
        "Teachers", "As fits: the largest allowed difference is the same.",
        _table({"family": _word("family"), "difference": _number("difference", ".3f"),
                "of two seeds": _number("by_seed", ".3f"), "agrees": _yes} | TIMES),
    ),
    "known": (
        "A posterior that is known",
        "The normal distribution of the study `validation`, judged as there: the largest error of a mean in exact standard "
        "deviations, and the ratio of standard deviations farthest from 1.",
        _table({"inference": _word("inference"), "mean error": _number("mean_error", "+.3f"),
                "sd ratio": _number("sd_ratio", ".3f"), "verdict": lambda row: row.get("note") or row["verdict"],
                "the CPU's": _word("cpu_verdict")} | TIMES),
    ),
    "samplers": (
        "SGLD: member-steps per second",
        "A minibatch of 64, two teachers; the CPU's columns are all cores of the same machine, where students of up to 3,000 "
        "parameters are compiled.",
        _table({"student": _word("student"), "parameters": _number("parameters", ",d"), "chains": _number("chains", ",d"),
                "GPU": _rate("device"), "CPU": _rate("cpu"), "times": _gain}),
    ),
    "images": (
        "CNN student: images per second", "Gradients on minibatches of 64, one a seed; all seeds together.",
        _table({"images": _word("images"), "parameters": _number("parameters", ",d"), "seeds": _number("seeds", ",d"),
                "GPU": _rate("device"), "CPU": _rate("cpu"), "times": _gain}),
    ),
    "nuts": (
        "NUTS by numpyro",
        "A linear student, four chains as one computation, compilation included; the largest difference of posterior means in "
        "posterior standard deviations, of which .25 is allowed.",
        _table({"parameters": _number("parameters", "d"), "draws": _number("draws", ",d"), "JAX's device": _word("jax_device"),
                "difference": _number("difference", ".3f"), "agrees": _yes} | TIMES),
    ),
    "study": (
        "A whole study", "`device: cuda`, from nothing, all cores; several jobs share the GPU.",
        _table({"study": _word("study"), "jobs": _number("jobs", "d"), "seconds": _number("wall_s", ".0f")}),
    ),
}  # fmt: skip
