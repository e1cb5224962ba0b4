"""The options of `mtbkd try`; what it does is in ``trying``, imported when it runs."""

import argparse
from pathlib import Path
from typing import Any

ABOUT = """\
Compare two methods in this process, without writing results: for authors of a method. Names are those of config.yaml, of
workflow/studies, and of your own file (--config), which is read over them and may define further ones.

It prints scores on the test examples, the paired difference with its 95 % interval over replicates, and the convergence checks.
Teachers, student and shared settings are those of the first experiment with this dataset, if any; options replace them.
"""
AFTER = """\
example: mtbkd try --dataset sim1_few --method tip_equal_map --against tip_entropy_map --replicates 6
yours:   mtbkd try --config my.yaml --dataset sim1_few --method my_method --against tip_entropy_map

exit status: 0 compared, 1 something to be mended (said in one line), 2 a wrong option, 130 stopped by hand (Ctrl-C)
"""


def add_parser(commands: "argparse._SubParsersAction[Any]") -> None:
    """`mtbkd try`."""
    own = commands.add_parser(
        "try", help="compare two methods in seconds, for authors of a method", description=ABOUT, epilog=AFTER,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    own.add_argument("--dataset", required=True, help="an entry of datasets, such as sim1_few")
    own.add_argument("--method", required=True, help="an entry of methods, see `mtbkd list methods`")
    own.add_argument("--against", required=True, metavar="METHOD", help="the method to compare it with")
    own.add_argument("--replicates", type=int, default=6, help="default: 6, the fewest that allow a test")
    own.add_argument("--teachers", nargs="+", metavar="NAME", help="entries of teachers (default: as in the experiment)")
    own.add_argument("--student", help="an entry of students (default: as in the experiment)")
    own.add_argument("--config", type=Path, action="append", default=[], metavar="FILE", help="your own entries (YAML)")
    own.add_argument("--results", type=Path, default=Path("results"), help="folder with downloads (default: results)")
    own.add_argument("--watch", action="store_true",
                     help="print what each optimiser gained with its steps, and the trace of chains")  # fmt: skip
    own.add_argument("--quiet", action="store_true", help="print the tables only")
    own.set_defaults(run=_run)


def _run(asked: argparse.Namespace) -> None:
    from mtbkd.serving import trying
    from mtbkd.serving.terminal import leave, on_signals

    with on_signals(leave):
        import torch  # noqa: F401  # a signal in the middle of it would abort the program
    trying.compare_methods(asked)
