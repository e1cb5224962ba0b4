"""The options of `mtbkd fit`; what it does is in ``own_table``, imported when it runs."""

import argparse
from pathlib import Path
from typing import Any

from mtbkd.serving.terminal import add_run_options, leave, on_signals

ABOUT = """\
Fit a student to a table of your own, taught by its labels and by what your teachers say of its rows.

  table      CSV with a header: one column holds the class, the others are numbers; an empty class is a row without label
  teachers   files with a column `id` and one column of probabilities or logits for each class (.csv, .parquet; also .npz and
             .safetensors with `values`, `ids`, `class_names`, and .npy without ids); ids are those of --id, or row numbers
             from 0. Without teachers the student learns from labels alone

It writes the folder --out: the student (student.safetensors, card.json), its draws (draws.nc), settings (estimator.json) and a
page about it (report.html). `mtbkd predict --student` and `mtbkd.load` in Python read the folder.
"""
AFTER = """\
rows: 60 % train the student, 20 % choose how far it trusts its teachers, 20 % choose nothing and say how good it is. Teachers
must not have learnt from the last: draw the rows first (`mtbkd split`), train teachers on 'train', and give --splits here.

example: mtbkd fit table.csv --label y --id name --teachers forest.csv boosting.csv --out student

exit status: 0 all written, 1 something to be mended (said in one line), 2 a wrong option, 130 stopped by hand (Ctrl-C)
"""


def add_table_options(own: argparse.ArgumentParser) -> None:
    """What the table and the teachers' files hold, for `mtbkd fit` and `mtbkd check`."""
    own.add_argument("table", type=Path, help="the CSV file, plain or .gz")
    own.add_argument("--label", required=True, help="column of the class")
    own.add_argument("--teachers", type=Path, nargs="*", default=[], metavar="FILE", help="what your teachers say of the rows")
    said = own.add_argument_group("the teachers' files")
    said.add_argument("--values", choices=("probabilities", "logits"), help="what the numbers are (default: they tell)")
    said.add_argument("--teacher-id", metavar="COL", default="id", help="column of the ids in .csv and .parquet (default: id)")
    said.add_argument("--floor", type=float, metavar="P", help="least probability: smaller ones are raised to it (default: "
                      "0.001, or a tenth of 1 / classes if that is less)")  # fmt: skip
    said.add_argument("--missing-class", choices=("refuse", "floor"), default="refuse", help="a class without a column is a "
                      "mistake, or has the least probability in every row (default: refuse)")  # fmt: skip
    table = own.add_argument_group("the table")
    table.add_argument("--id", help="column of the ids (default: row numbers from 0)")
    table.add_argument("--split", metavar="COL", help="column of the splits: train, val, test (default: drawn at random)")
    table.add_argument("--splits", metavar="FILE", help="file of ids and splits, as `mtbkd split` writes it")
    table.add_argument("--features", nargs="+", metavar="COL", help="columns of numbers to learn from (default: all others)")
    table.add_argument("--impute", choices=("mean", "median"), help="fill missing numbers by this of the training rows")
    table.add_argument("--missing", nargs="*", metavar="WORD", help="words that mean 'missing' or 'no label'")
    table.add_argument("--separator", default=",", help="character between cells (default: a comma)")
    table.add_argument("--encoding", help="encoding of the file (default: UTF-8)")
    table.add_argument("--seed", type=int, default=0, help="base of every seed (default: 0)")


def add_parser(commands: "argparse._SubParsersAction[Any]") -> None:
    """`mtbkd fit`."""
    own = commands.add_parser(
        "fit", help="a student of your own table and teachers", description=ABOUT, epilog=AFTER,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    add_table_options(own)
    own.add_argument("--out", type=Path, required=True, help="folder for the student; a new one")
    how = own.add_argument_group("how")
    how.add_argument("--method", help="a method of config.yaml, see `mtbkd list methods` (default: by the student's size)")
    how.add_argument("--student", default="mlp", help="an architecture, a student of config.yaml, or a torch module: "
                     "nets.py:Net, mypackage.nets.Net, torchvision.models.resnet18 (default: mlp)")  # fmt: skip
    how.add_argument("--student-settings", metavar="JSON", help="settings of the student, such as '{\"shape\": [1, 8, 8]}'")
    how.add_argument("--hidden", type=int, nargs="*", default=[32], metavar="UNITS",
                     help="units of the hidden layers of an mlp (default: 32)")  # fmt: skip
    how.add_argument("--no-report", action="store_true", help="leave out the page")
    add_run_options(how)
    own.set_defaults(run=_run)


def _run(asked: argparse.Namespace) -> None:
    from mtbkd.serving import own_table

    with on_signals(leave):
        import torch  # noqa: F401  # a signal in the middle of it would abort the program
    own_table.fit(asked)
