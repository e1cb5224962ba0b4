"""The command `mtbkd`: a student that a study made, used on proteins of one's own."""

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtbkd.datasets import split_command
from mtbkd.errors import ContractError, MtbkdError

if TYPE_CHECKING:
    from mtbkd.bundle import Bundle, RiskPoint

USUAL_RISK = 0.1
ABOUT = """\
Predict where in the cell proteins live, and how sure that is.

For every protein of a FASTA file the output has:
  predicted         the most probable location, and its probability
  abstain           yes: too uncertain to keep the promised risk; treat the location as unknown
  mean_deviance     the paper's uncertainty, in nats: how undecided each of the student's draws is, on average
  epistemic_share   part of the whole uncertainty, from 0 to 1, that is disagreement of the draws: too little was learnt
  prob_, low_, high_<location>   probability of each location with the ends of its credible interval
"""
AFTER = """\
sequences: lower case, gaps and one stop at the end are repaired and counted; X, B, Z, U and O are read as they are, J as X.
Stops inside, other letters, empty records, nucleotides and repeated ids end the command before anything is computed.

example: mtbkd predict --study protein --fasta my.fasta --out predictions.csv --risk 0.1

exit status: 0 all written, 1 something to be mended (said in one line), 2 a wrong option, 130 stopped by hand
"""


def parser() -> argparse.ArgumentParser:
    """The options; their help is for people who have not read the code."""
    top = argparse.ArgumentParser(prog="mtbkd", description="Students taught by several teachers, in use.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    own = commands.add_parser(
        "predict", help="cell locations of the proteins in a FASTA file", description=ABOUT, epilog=AFTER,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    student = own.add_argument_group("which student")
    student.add_argument("--study", default="protein", help="study of config.yaml that made it (default: protein)")
    student.add_argument("--experiment", help="experiment of the study (default: see --method)")
    student.add_argument("--method", help="method (default: of all students, the likeliest on its validation proteins)")
    student.add_argument("--bundle", type=Path, metavar="FOLDER", help="folder of a student, in place of the three above")
    files = own.add_argument_group("files")
    files.add_argument("--fasta", type=Path, required=True, help="your proteins: FASTA, plain or .gz")
    files.add_argument("--out", type=Path, required=True, help="where to write: a name that ends in .csv or .json")
    files.add_argument("--results", type=Path, default=Path("results"), help="folder of the studies (default: results)")
    how = own.add_argument_group("how")
    how.add_argument("--risk", type=float, help="highest rate of wrong answers among those given; abstain from the rest "
                     f"(default: {USUAL_RISK:g}, or the lowest that can be promised)")  # fmt: skip
    how.add_argument("--level", type=float, default=0.95, help="credible level of the intervals (default: 0.95)")
    how.add_argument("--batch", type=int, default=512, help="proteins held in memory at once (default: 512)")
    how.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto, CUDA where there is one")
    how.add_argument("--skip-invalid", action="store_true", help="leave out records that cannot be read, and say which")
    how.add_argument("--quiet", action="store_true", help="say nothing but errors")
    own.set_defaults(run=predict)
    split_command.add_parser(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    asked = parser().parse_args(arguments)
    try:
        asked.run(asked)
    except (MtbkdError, OSError) as error:
        print(f"mtbkd: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("mtbkd: stopped; nothing was written", file=sys.stderr)
        return 130
    return 0


def predict(asked: argparse.Namespace) -> None:
    """`mtbkd predict`."""
    from tqdm import tqdm

    from mtbkd.bundle import Bundle
    from mtbkd.device import resolve_device
    from mtbkd.serving import output, predicting

    for name, right, allowed in (
        ("--level", 0 < asked.level < 1, "a number between 0 and 1"), ("--batch", asked.batch > 0, "an integer above 0"),
    ):  # fmt: skip
        if not right:
            raise ContractError(name, "value", f"{getattr(asked, name[2:]):g}", allowed)
    output.writer_of(asked.out)
    bundle = Bundle.read(asked.bundle or _chosen(asked))
    point, level = _risk(bundle, asked.risk)
    checked = predicting.check_fasta(asked.fasta, bundle, asked.skip_invalid)
    device, embedder = resolve_device(asked.device), _embedder(bundle, asked.results / "downloads")
    licences = (f"licence, {part}: {text}" for part, text in bundle.card.licences.items())
    _tell(asked, [_about(bundle), *licences, *checked.told(), _promise(point, level)])
    bar = tqdm(predicting.proteins(asked.fasta), "predicting", checked.proteins, unit=" proteins", disable=asked.quiet or None)
    found = predicting.predict(bundle, bar, embedder, point.threshold, asked.level, asked.batch, device)
    head = {
        "student": {key: getattr(bundle.card, key) for key in ("study", "experiment", "method", "intended_use")},
        "limits": list(bundle.card.limits), "licences": bundle.card.licences, "credible_level": asked.level,
        "risk": {"level": level, **point.model_dump(include={"threshold", "n", "errors", "bound"})},
    }  # fmt: skip
    count = output.write(asked.out, found, bundle.card.class_names, head)
    _tell(asked, [f"{count:,} proteins written to {asked.out}"])


def _chosen(asked: argparse.Namespace) -> Path:
    """The folder of the student that is asked for; of several, the one with the best validation likelihood."""
    from mtbkd.bundle import FILES, found_in, read_card

    place = asked.results / asked.study / "bundles"
    every = list(found_in(place))
    wanted = [f for e, m, f in every if asked.experiment in (None, e) and asked.method in (None, m)]
    if not wanted:
        there = ", ".join(f"{e} {m}" for e, m, _ in every) or "no student"
        target = f"{place}/{asked.experiment or '<experiment>'}/{asked.method or '<method>'}/{FILES[0]}"
        how = f"make it: snakemake --cores all --config study={asked.study} -- {target}"
        raise ContractError(place, "students", there, f"{asked.experiment or 'any'} {asked.method or 'any'}", how)
    best = min(wanted, key=lambda f: read_card(f / FILES[1]).scores["val"]["nll"])
    if len(wanted) > 1:
        others = ", ".join(f"{f.parent.name} {f.name}" for f in wanted if f != best)
        _tell(asked, [f"chosen by its likelihood on validation proteins; there are also: {others}"])
    return best


def _risk(bundle: "Bundle", asked: float | None) -> "tuple[RiskPoint, float]":
    """The point to answer at, and its level: the one asked for, else the usual one or the lowest that can be promised."""
    from mtbkd.serving.risk import point_of

    least = math.ceil(min(point.bound for point in bundle.card.risk) * 1000) / 1000
    level = max(USUAL_RISK, least) if asked is None else asked
    return point_of(bundle.card.risk, level, f"{bundle.card.experiment} {bundle.card.method}"), level


def _embedder(bundle: "Bundle", raw: Path) -> Any:
    """The student's encoders, with their files in ``raw``: fetched where they are not there."""
    from mtbkd import registry
    from mtbkd.encoders import Embedder

    keys = []
    for name, settings in bundle.card.inputs.encoders.items():
        module = registry.part("encoder", name)
        keys += module.raw_files(module.Settings.model_validate(settings))
    if keys:
        from mtbkd.downloads import fetch

        fetch(keys, raw)
    return Embedder(bundle.card.inputs.encoders, raw)


def _about(bundle: "Bundle") -> str:
    card = bundle.card
    return f"student: study {card.study}, experiment {card.experiment}, method {card.method}, {card.draws} draws"


def _promise(point: "RiskPoint", level: float) -> str:
    return (
        f"answers at most {level:.1%} wrong (with 95 % confidence, for proteins such as the validation ones): it abstains "
        f"where the probability is below {point.threshold:.3f}; of the validation proteins it answered {point.coverage:.0%}, "
        f"{point.errors} of {point.n} wrong"
    )


def _tell(asked: argparse.Namespace, lines: Sequence[str]) -> None:
    for line in () if asked.quiet else lines:
        print(line, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
