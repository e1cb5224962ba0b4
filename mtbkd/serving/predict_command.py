"""`mtbkd predict`: a student on new examples: proteins of a FASTA file, rows of a table, or images of a folder."""

import math
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import click

from mtbkd.base.errors import ContractError
from mtbkd.serving.terminal import PATH, Command, Share, how, leave, on_signals, option, run_options, tell

if TYPE_CHECKING:
    from mtbkd.serving.bundle import Bundle, RiskPoint
    from mtbkd.serving.predicting import Prediction
    from mtbkd.serving.promised_sets import SetPoint

USUAL_STUDY = "protein"
USUAL_COVERAGE = 0.9
USUAL_RISK, MOST_BATCH, LONGEST_NAME = 0.1, 100_000, 100
AFTER = """\
sequences: lower case, gaps and one stop at the end are repaired and counted; X, B, Z, U and O are read as they are, J as X.
Stops inside, other letters, empty records, nucleotides and repeated ids end the command before anything is computed.

output: written whole or not at all. In a .csv, an id or a name that begins with = + - or @ gets an apostrophe before it, so
that no spreadsheet takes it for a formula; a .json has it as it is.

tables: columns are found by the names that the student learnt, in any order; others are left alone. Missing cells are filled
as they were when it learnt, or refused with their line.

images: .png, .jpg and .npy of the size that the student learnt; their names are the ids. Grey ones are read as colour, and
colour as grey, where the student needs it, and counted. An .npy holds (H, W), (C, H, W) or (H, W, C): whole numbers from 0
to 255, or the numbers that the student reads.

\b
examples:
  mtbkd predict --study protein --fasta my.fasta --out predictions.csv --risk 0.1
  mtbkd predict --student student --table new.csv --id name --out predictions.parquet
  mtbkd predict --student results/digits/bundles/digits/tip_entropy_sgld --images folder --out predictions.json

exit status: 0 all written, 1 an error (one line says what to change), 2 a wrong option, 130 stopped by hand (Ctrl-C),
143 ended by another program
"""


which = partial(option, group="Which student")
files = partial(option, group="Files")
rows = partial(option, group="Of a table")


@click.command(cls=Command, epilog=AFTER, short_help="Probabilities, intervals and abstention for new examples.")
@which("bundle", "--student", "--bundle", type=PATH, metavar="FOLDER",
       help="Folder of a student, as `mtbkd fit` or a study wrote it.")  # fmt: skip
@which("--module", metavar="NAME", help="Of a torch module, its code: nets.py:Net or mypackage.nets.Net.")
@which("--study", show_default=USUAL_STUDY, help="Study of config.yaml that made it.")
@which("--experiment", show_default="see --method", help="Experiment of the study.")
@which("--method", show_default="of all students, the likeliest on its validation examples", help="Method.")
@files("--fasta", type=PATH, help="Your proteins: FASTA, plain or .gz.")
@files("--table", type=PATH, help="Your rows: CSV, plain or .gz, or .parquet; columns are found by name.")
@files("--images", type=PATH, metavar="FOLDER", help="Your images: a folder of .png, .jpg or .npy.")
@files("--out", type=PATH, required=True, help="Where to write: a name that ends in .csv, .json or .parquet.")
@files("--results", type=PATH, default="results", help="Folder of the studies.")
@rows("--id", metavar="COL", show_default="that of training if the file has it, else row numbers from 0",
      help="Column of the ids.")  # fmt: skip
@rows("--separator", default=",", help="Character between cells.")
@rows("--encoding", show_default="UTF-8", help="Encoding of the file.")
@how("--risk", type=float, show_default=f"{USUAL_RISK:g}, or the lowest that can be promised",
     help="Highest rate of wrong answers among those given; abstain from the rest.")  # fmt: skip
@how("--level", type=Share(0, 1, min_open=True, max_open=True), default=0.95, help="Credible level of the intervals.")
@how(
    "--set",
    "kind",
    type=click.Choice(["threshold", "aps", "raps"]),
    help="Also write a prediction set: smallest sets, or sets that grow with doubt (APS), or those for many classes (RAPS).",
)
@how("--coverage", type=float, show_default="0.9", help="How often --set holds the class, at least: .8, .9, .95 or .99.")
@how("--batch", type=click.IntRange(1, MOST_BATCH), default=512, help="Examples held in memory at once.")
@how("--skip-invalid", is_flag=True, help="Leave out records that cannot be read, and say which.")
@run_options
def command(**options: Any) -> None:
    """Predict the classes of new examples, such as where in the cell proteins live, and how sure that is: proteins of a FASTA
    file, rows of a table, or images of a folder.

    \b
    For each of them the output has:
      predicted        the most probable class; of several labels, all that apply
      probability      of the predicted class
      abstain          yes: too uncertain to keep the promised risk; treat it as unknown
      set              with --set: classes that hold the right one as often as --coverage says
      mean_deviance    posterior mean deviance in nats: twice the mean entropy of draws
      epistemic_share  share of the entropy, 0 to 1, from disagreement of draws (few data)
      prob_, low_, high_<class>   probability of a class, and its credible interval
    """
    asked = SimpleNamespace(**options)
    with on_signals(leave):
        from mtbkd.serving import output
        from mtbkd.serving.bundle import FILES, Bundle

        _check_options(asked)
        folder = asked.bundle or _chosen(asked)
        output.check_place(asked.out, [asked.fasta or asked.table or asked.images, *(folder / name for name in FILES)])
        bundle = Bundle.read(folder, asked.module)
        promised = _risk(bundle, asked.risk)
        asked.sets = _sets(bundle, asked)
        device = _device(asked.device)
        import torch  # noqa: F401  # a signal in the middle of it, where it is needed first, would abort the program
    what = next(name for name, given in (("proteins", asked.fasta), ("rows", asked.table), ("images", True)) if given)
    try:
        with output.opened(asked.out) as handle:  # before the work, which would be lost where this fails
            found, told = _found(asked, bundle, what, promised[0].threshold if promised else 0.0, device)
            card = bundle.card
            about = f"student: study {card.study}, experiment {card.experiment}, method {card.method}, {card.draws} draws"
            licences = (f"licence, {part}: {text}" for part, text in card.licences.items())
            tell([about, *licences, *told, _promise(promised), *_told_of_sets(asked.sets)], asked.quiet)
            write = output.WRITERS[asked.out.suffix]
            count = write(handle, found, card.class_names, _head(asked, bundle, promised), what)
    except OSError as error:  # a full disk names no file, a folder without permission the unfinished one
        if error.filename is None or str(error.filename).endswith(".part"):
            error.filename = asked.out
        raise
    tell([f"{count:,} {what} written to {asked.out}"], asked.quiet)


def _found(
    asked: SimpleNamespace, bundle: "Bundle", what: str, threshold: float, device: str
) -> "tuple[Iterator[Prediction], list[str]]":
    """Predictions of the proteins, rows or images, as they are asked for, and what was read, in lines."""
    from tqdm import tqdm

    from mtbkd.serving import pictures, predicting, rows

    bar, answer = partial(tqdm, desc="predicting", unit=f" {what}", disable=asked.quiet or None), (threshold, asked.level)
    if what == "proteins":
        checked = predicting.check_fasta(asked.fasta, bundle, asked.skip_invalid)
        embedder = _embedder(bundle, asked.results / "downloads")
        chains = bar(predicting.proteins(asked.fasta, checked), total=checked.proteins)
        return predicting.predict(bundle, chains, embedder, *answer, asked.batch, device, asked.sets), [*checked.told()]
    if what == "rows":
        found = rows.read(asked.table, bundle, asked.id, asked.separator, asked.encoding)
        x = found.x
    else:
        found = x = pictures.read(asked.images, bundle)
    return predicting.predict_rows(bundle, bar(found.ids), x, *answer, asked.batch, device, asked.sets), [*found.told]


def _device(asked: str) -> str:
    from mtbkd.base.device import resolve_device

    try:
        return resolve_device(asked)
    except ContractError as error:
        raise ContractError("--device", "value", error.found, error.expected, "auto or cpu") from None


def _check_options(asked: SimpleNamespace) -> None:
    from mtbkd.base.explain import NAME, NAME_RULE

    if [asked.fasta, asked.table, asked.images].count(None) != 2:
        click.get_current_context().fail("expected one of --fasta, --table and --images")
    for name, needs in (("skip_invalid", "fasta"), ("id", "table"), ("encoding", "table")):
        if getattr(asked, name) and getattr(asked, needs) is None:
            raise ContractError(f"--{name.replace('_', '-')}", "option", "no file that it is for", f"--{needs} beside it")
    if asked.fasta is None and asked.bundle is None and asked.study is None:
        raise ContractError(
            "--table" if asked.table else "--images", "student", "none", "--student FOLDER, or --study", "mtbkd fit makes one"
        )
    for name in ("study", "experiment", "method"):
        if (value := getattr(asked, name)) is None:
            continue
        if asked.bundle is not None:
            raise ContractError(f"--{name}", "option", f"'{value}' beside --student", "one of them", "the folder says it all")
        if not re.fullmatch(NAME, value) or len(value) > LONGEST_NAME:
            raise ContractError(f"--{name}", "value", f"'{value[:LONGEST_NAME]}'", f"at most {LONGEST_NAME} {NAME_RULE}")


def _head(asked: SimpleNamespace, bundle: "Bundle", promised: "tuple[RiskPoint, float] | None") -> dict[str, Any]:
    """What a JSON file says before the proteins."""
    if promised is None:
        more = {"thresholds": dict(zip(bundle.card.class_names, bundle.card.thresholds, strict=True))}
    else:
        point, level = promised
        more = {"risk": {"level": level, **point.model_dump(include={"threshold", "n", "errors", "bound"})}}
    if asked.sets:
        more["set"] = asked.sets.model_dump()
    return {
        "student": {key: getattr(bundle.card, key) for key in ("study", "experiment", "method", "intended_use")},
        "limits": list(bundle.card.limits), "licences": bundle.card.licences, "credible_level": asked.level,
        **more,
    }  # fmt: skip


def _chosen(asked: SimpleNamespace) -> Path:
    """The folder of the student that is asked for; of several, the one with the best validation likelihood."""
    from mtbkd.serving.bundle import FILES, found_in, read_card

    study = asked.study or USUAL_STUDY
    place = asked.results / study / "bundles"
    every = list(found_in(place))
    wanted = [f for e, m, f in every if asked.experiment in (None, e) and asked.method in (None, m)]
    if not wanted:
        there = ", ".join(f"{e} {m}" for e, m, _ in every) or "no student"
        target = f"{place}/{asked.experiment or '<experiment>'}/{asked.method or '<method>'}/{FILES[0]}"
        how = f"make it: snakemake --cores all --config study={study} -- {target}"
        raise ContractError(place, "students", there, f"{asked.experiment or 'any'} {asked.method or 'any'}", how)
    cards = {f: read_card(f / FILES[1]) for f in wanted}
    if asked.experiment is None:  # likelihoods of one label and of several do not compare
        wanted = [f for f in wanted if cards[f].labels == "one"] or wanted
    for f, card in cards.items():
        own, asked_for = f"{card.study} {card.experiment} {card.method}", f"{study} {f.parent.name} {f.name}"
        if own != asked_for:
            raise ContractError(f, "student", own, asked_for, "exchanged with another? make it again, or use --student")
    best = min(wanted, key=lambda f: cards[f].scores["val"]["nll"])
    if len(wanted) > 1:
        others = ", ".join(f"{f.parent.name} {f.name}" for f in wanted if f != best)
        tell([f"chosen by its likelihood on validation examples; there are also: {others}"], asked.quiet)
    return best


def _risk(bundle: "Bundle", asked: float | None) -> "tuple[RiskPoint, float] | None":
    """The point to answer at, and its level: the one asked for, else the usual one or the lowest that can be promised.

    None for a student of several labels, which promises nothing.
    """
    from mtbkd.serving.risk import point_of

    if bundle.card.labels == "several":
        if asked is not None:
            raise ContractError("--risk", "student", "one of several labels", "one label an example",
                                "it promises no rate of wrong answers, and does not abstain")  # fmt: skip
        return None
    least = math.ceil(min(point.bound for point in bundle.card.risk) * 1000) / 1000
    level = max(USUAL_RISK, least) if asked is None else asked
    return point_of(bundle.card.risk, level, f"{bundle.card.experiment} {bundle.card.method}"), level


def _sets(bundle: "Bundle", asked: SimpleNamespace) -> "SetPoint | None":
    """Which prediction sets to write; None where --set is not given."""
    from mtbkd.serving.promised_sets import set_point

    if asked.kind is None:
        if asked.coverage is not None:
            raise ContractError("--coverage", "option", "no --set", "--set threshold, aps or raps beside it")
        return None
    return set_point(bundle.card.sets, asked.kind, USUAL_COVERAGE if asked.coverage is None else asked.coverage)


def _told_of_sets(sets: "SetPoint | None") -> list[str]:
    return [f"sets of kind {sets.kind} hold the class of {sets.coverage:.0%} or more of examples such as the {sets.n} that "
            "calibrated them"] if sets else []  # fmt: skip


def _embedder(bundle: "Bundle", raw: Path) -> Any:
    """The student's encoders, with their files in ``raw``: fetched where they are not there."""
    from mtbkd.data.encoders import Embedder
    from mtbkd.serving.predicting import encoders_of

    keys = [key for module, settings in encoders_of(bundle) for key in module.raw_files(settings)]
    if keys:
        from mtbkd.data.downloads import fetch

        fetch(keys, raw)
    return Embedder(bundle.card.inputs.encoders, raw)


def _promise(promised: "tuple[RiskPoint, float] | None") -> str:
    if promised is None:
        return "several labels: those whose probability reaches a threshold that validation examples chose; no risk is promised"
    point, level = promised
    return (
        f"answers at most {level:.1%} wrong (with 95 % confidence, for examples such as the validation ones): it abstains "
        f"where the probability is below {point.threshold:.3f}; of the validation examples that chose none of its settings it "
        f"answered {point.coverage:.0%}, "
        f"{point.errors} of {point.n} wrong"
    )
