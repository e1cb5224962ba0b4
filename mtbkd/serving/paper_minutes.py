"""Jobs of a printed item and what they took: ``python -m mtbkd.serving.paper_minutes results [...] --write`` measures anew.

item_minutes.csv keeps, of the results folders that were read last, the seconds of each item's jobs, from Snakemake's benchmark
files: those of the item itself, or of the same jobs in its study, whose evaluation, figures and page show more and take longer.
The fastest run counts: what else a machine does only adds. Minutes are these seconds shared by two cores.
"""

import argparse
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from mtbkd.base import delimited, registry
from mtbkd.base.frames import write_csv
from mtbkd.base.lazy import pd
from mtbkd.report.runs import read_benchmark
from mtbkd.study.config import load
from mtbkd.study.papers import ITEMS, reduced
from mtbkd.study.plan import Plan, make_plan
from mtbkd.study.study_files import read_configuration

FILE = Path(__file__).with_name("item_minutes.csv")
CORES = 2


def jobs(plan: Plan, study: str = "") -> list[str]:
    """Benchmark files below results/ of all jobs before the figures: data, teachers, fits, evaluations, questions.

    ``study``: the study whose jobs are meant; by default the plan's own.
    """
    place = f"{study or plan.study}/benchmarks"
    blocks = {e.data.key: e.data_blocks for e in plan.experiments.values()}
    found = [f"benchmarks/prepare/{key}/{block}.tsv" for key, own in blocks.items() for block in own]
    found += [f"benchmarks/teacher/{t.key}/{block}.tsv" for t in plan.teachers.values() for block in blocks[t.data_key]]
    for e in plan.experiments.values():
        found += [f"{place}/student/{e.name}/{method}/{block}.tsv" for method in e.methods for block in e.blocks]
        found.append(f"{place}/evaluate/{e.name}.tsv")
    for question in plan.questions.values():
        steps = registry.part("question", question.kind).STEPS if question.parts else {}
        for step, parts in question.parts.items():
            within = [f"/{block}" for block in question.blocks] if steps[step].by_block else [""]
            found += [f"{place}/question/{question.name}/{step}/{part}{each}.tsv" for part in parts for each in within]
        found.append(f"{place}/question/{question.name}.tsv")
    return found


def figures_and_page(plan: Plan, study: str = "") -> list[str]:
    """Benchmark files of the other jobs, as far as the plan tells them: figures of experiments and questions, and the page."""
    place = f"{study or plan.study}/benchmarks"
    owners = [f"experiment_{name}" for name in plan.experiments] + [f"question_{name}" for name in plan.questions]
    return [*(f"{place}/figures/{owner}.tsv" for owner in owners), f"{place}/report.tsv"]


def seconds(results: Path, plan: Plan, study: str = "") -> float:
    """What all jobs took, one after the other; NaN where one was not measured."""
    files = [results / each for each in [*jobs(plan, study), *figures_and_page(plan, study)]]
    return math.fsum(read_benchmark(file).get("s", math.nan) if file.is_file() else math.nan for file in files)


def measured(folders: Sequence[Path]) -> Iterator[dict[str, object]]:
    """A row for every item whose jobs one of the ``folders`` of results has all, by the fastest run."""
    config = load(read_configuration())
    for name, item in ITEMS.items():
        plan = make_plan(reduced(config, name))
        runs = [(folder, study, of) for folder in folders for study, of in ((name, "item"), (item.study, item.study))]
        known = [(took, of) for folder, study, of in runs if math.isfinite(took := seconds(folder, plan, study))]
        if known:
            took, of = min(known)
            yield {"item": name, "seconds": round(took), "measured": of}


def minutes() -> dict[str, str]:
    """Item -> minutes on two cores; items that were never measured are left out."""
    found = {}
    for row in delimited.read(FILE).records():
        rounded = max(1, round(int(row["seconds"]) / 60 / CORES))
        found[row["item"]] = str(rounded) if row["measured"] == "item" else f"at most {rounded}"
    return found


def main(argv: Sequence[str] | None = None) -> None:
    prog = "python -m mtbkd.serving.paper_minutes"
    parser = argparse.ArgumentParser(prog=prog, description="Read what the papers' items took from benchmark files.")
    parser.add_argument("results", nargs="+", type=Path, help="folders of results with benchmark files")
    parser.add_argument("--write", action="store_true", help=f"write {FILE.name} instead of printing it")
    chosen = parser.parse_args(argv)
    table = pd.DataFrame(list(measured(chosen.results)), columns=["item", "seconds", "measured"])
    write_csv(table, FILE) if chosen.write else print(table.to_csv(index=False), end="")


if __name__ == "__main__":
    main()
