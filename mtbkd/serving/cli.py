"""The command `mtbkd`: a student that a study made, used on proteins of one's own."""

import argparse
import math
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from mtbkd.base.errors import ContractError, MtbkdError, machine_fault
from mtbkd.data.datasets import split_command
from mtbkd.serving import difference_command

if TYPE_CHECKING:
    from mtbkd.serving.bundle import Bundle, RiskPoint

USUAL_STUDY = "protein"
USUAL_RISK, MOST_BATCH, LONGEST_NAME = 0.1, 100_000, 100
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

output: written whole or not at all. In a .csv, an id or a name that begins with = + - or @ gets an apostrophe before it, so
that no spreadsheet takes it for a formula; a .json has it as it is.

example: mtbkd predict --study protein --fasta my.fasta --out predictions.csv --risk 0.1

exit status: 0 all written, 1 something to be mended (said in one line), 2 a wrong option, 130 stopped by hand (Ctrl-C),
143 ended by another program
"""


class Parser(argparse.ArgumentParser):
    """Mistakes in one line; an option that stands twice is one."""

    def __init__(self, *arguments: Any, **settings: Any):
        super().__init__(*arguments, **settings)
        self.register("action", None, Once)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {one_line(message, 300)}. Hint: {self.prog} --help\n")


class Once(argparse.Action):
    """Keep the value of an option that may stand once."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None):
        given = namespace.__dict__.setdefault("given", set())
        if self.dest in given:
            parser.error(f"{option}: found twice; expected once")
        given.add(self.dest)
        setattr(namespace, self.dest, values)


class Stopped(BaseException):
    """A signal asked the command to end, so that unfinished files are taken away on the way out."""


def parser() -> argparse.ArgumentParser:
    """The options; their help is for people who have not read the code."""
    top = Parser(prog="mtbkd", description="Students taught by several teachers, in use.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    own = commands.add_parser(
        "predict", help="cell locations of the proteins in a FASTA file", description=ABOUT, epilog=AFTER,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    student = own.add_argument_group("which student")
    student.add_argument("--study", help="study of config.yaml that made it (default: protein)")
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
    difference_command.add_parser(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    status = 1
    try:
        try:
            with _on_signals(_stop):
                asked = parser().parse_args(arguments)
                return asked.run(asked) or 0
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # nobody reads on; nor may the interpreter, when it ends, try to write the rest
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return 128 + signal.SIGPIPE
    except MtbkdError as error:
        message = f"error: {error}"
    except Exception as error:
        told = machine_fault(error, memory="use a smaller --batch or --device cpu", again="then run the same command again")
        if told is None and not isinstance(error, OSError):
            raise
        message = f"error: {told or _os_error(error)}"
    except Stopped as stopped:
        status, message = 128 + stopped.args[0], _stopped(stopped.args[0])
    print(f"mtbkd: {one_line(message)}", file=sys.stderr)
    return status


def _os_error(error: Any) -> str:
    return f"{error.filename or 'a file'}: {error.strerror or error}"


def _stop(number: int, frame: object) -> None:
    raise Stopped(number)


def _leave(number: int, frame: object) -> NoReturn:
    """End at once, while there is nothing to take away: an exception would abort libraries that are being loaded."""
    os.write(2, f"mtbkd: {_stopped(number)}\n".encode())
    os._exit(128 + number)


def _stopped(number: int) -> str:
    return f"stopped by {signal.Signals(number).name}"


@contextmanager
def _on_signals(act: Callable[[int, object], None]) -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP do ``act`` inside, unless whoever started the program has other plans with them."""
    ours = (signal.SIG_DFL, signal.default_int_handler, _stop, _leave)
    known = {}
    if threading.current_thread() is threading.main_thread():
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        known = {number: signal.signal(number, act) for number in numbers if signal.getsignal(number) in ours}
    try:
        yield
    finally:
        for number, handler in known.items():
            signal.signal(number, handler)


def one_line(text: str, most: int = 2000) -> str:
    """``text`` with what is not printable escaped, so that a name can neither break a line nor steer a terminal."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text[:most])
    return shown if len(text) <= most else f"{shown}..."


def predict(asked: argparse.Namespace) -> None:
    """`mtbkd predict`."""
    with _on_signals(_leave):
        from tqdm import tqdm

        from mtbkd.serving import output, predicting
        from mtbkd.serving.bundle import FILES, Bundle

        _check_options(asked)
        folder = asked.bundle or _chosen(asked)
        output.check_place(asked.out, [asked.fasta, *(folder / name for name in FILES)])
        bundle = Bundle.read(folder)
        point, level = _risk(bundle, asked.risk)
        device = _device(asked.device)
        import torch  # noqa: F401  # a signal in the middle of it, where it is needed first, would abort the program
    try:
        with output.opened(asked.out) as handle:  # before the work, which would be lost where this fails
            checked = predicting.check_fasta(asked.fasta, bundle, asked.skip_invalid)
            embedder = _embedder(bundle, asked.results / "downloads")
            licences = (f"licence, {part}: {text}" for part, text in bundle.card.licences.items())
            _tell(asked, [_about(bundle), *licences, *checked.told(), _promise(point, level)])
            read = predicting.proteins(asked.fasta, checked)
            bar = tqdm(read, "predicting", checked.proteins, unit=" proteins", disable=asked.quiet or None)
            found = predicting.predict(bundle, bar, embedder, point.threshold, asked.level, asked.batch, device)
            write = output.WRITERS[asked.out.suffix]
            count = write(handle, found, bundle.card.class_names, _head(asked, bundle, point, level))
    except OSError as error:  # a full disk names no file, a folder without permission the unfinished one
        if error.filename is None or str(error.filename).endswith(".part"):
            error.filename = asked.out
        raise
    _tell(asked, [f"{count:,} proteins written to {asked.out}"])


def _device(asked: str) -> str:
    from mtbkd.base.device import resolve_device

    try:
        return resolve_device(asked)
    except ContractError as error:
        raise ContractError("--device", "value", error.found, error.expected, "auto or cpu") from None


def _check_options(asked: argparse.Namespace) -> None:
    from mtbkd.base.explain import NAME, NAME_RULE

    for name, right, allowed in (
        ("--level", 0 < asked.level < 1, "a number between 0 and 1"),
        ("--batch", 0 < asked.batch <= MOST_BATCH, f"an integer above 0, up to {MOST_BATCH:,}"),
    ):
        if not right:
            raise ContractError(name, "value", one_line(str(getattr(asked, name[2:])), 20), allowed)
    for name in ("study", "experiment", "method"):
        if (value := getattr(asked, name)) is None:
            continue
        if asked.bundle is not None:
            raise ContractError(f"--{name}", "option", f"'{value}' beside --bundle", "one of them", "the folder says it all")
        if not re.fullmatch(NAME, value) or len(value) > LONGEST_NAME:
            raise ContractError(f"--{name}", "value", f"'{value[:LONGEST_NAME]}'", f"at most {LONGEST_NAME} {NAME_RULE}")


def _head(asked: argparse.Namespace, bundle: "Bundle", point: "RiskPoint", level: float) -> dict[str, Any]:
    """What a JSON file says before the proteins."""
    return {
        "student": {key: getattr(bundle.card, key) for key in ("study", "experiment", "method", "intended_use")},
        "limits": list(bundle.card.limits), "licences": bundle.card.licences, "credible_level": asked.level,
        "risk": {"level": level, **point.model_dump(include={"threshold", "n", "errors", "bound"})},
    }  # fmt: skip


def _chosen(asked: argparse.Namespace) -> Path:
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
    for f, card in cards.items():
        own, asked_for = f"{card.study} {card.experiment} {card.method}", f"{study} {f.parent.name} {f.name}"
        if own != asked_for:
            raise ContractError(f, "student", own, asked_for, "exchanged with another? make it again, or name it with --bundle")
    best = min(wanted, key=lambda f: cards[f].scores["val"]["nll"])
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
    from mtbkd.data.encoders import Embedder
    from mtbkd.serving.predicting import encoders_of

    keys = [key for module, settings in encoders_of(bundle) for key in module.raw_files(settings)]
    if keys:
        from mtbkd.data.downloads import fetch

        fetch(keys, raw)
    return Embedder(bundle.card.inputs.encoders, raw)


def _about(bundle: "Bundle") -> str:
    card = bundle.card
    return f"student: study {card.study}, experiment {card.experiment}, method {card.method}, {card.draws} draws"


def _promise(point: "RiskPoint", level: float) -> str:
    return (
        f"answers at most {level:.1%} wrong (with 95 % confidence, for proteins such as the validation ones): it abstains "
        f"where the probability is below {point.threshold:.3f}; of the validation proteins that chose none of its settings it "
        f"answered {point.coverage:.0%}, "
        f"{point.errors} of {point.n} wrong"
    )


def _tell(asked: argparse.Namespace, lines: Sequence[str]) -> None:
    for line in () if asked.quiet else lines:
        print(one_line(line), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
