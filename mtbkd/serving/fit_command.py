"""The options of `mtbkd fit`; what it does is in ``own_table``, imported when it runs."""

from functools import partial
from types import SimpleNamespace
from typing import Any

import click

from mtbkd.serving.terminal import PATH, Command, Words, how, leave, on_signals, option, run_options, together

HINT = "hints: a setting that a message names, such as `impute: median`, is an option here: --impute median"
AFTER = f"""\
rows: 60 % train the student, 20 % (validation) tune how far it trusts its teachers, 20 % (test) measure how good it is.
Teachers must not have been trained on the test rows: split first (`mtbkd split`), train teachers on 'train', and pass the file
as --splits.

{HINT}

\b
example:
  mtbkd fit table.csv --label y --id name --teachers forest.csv boosting.csv --out student

exit status: 0 all written, 1 an error (one line says what to change), 2 a wrong option, 130 stopped by hand (Ctrl-C)
"""
said = partial(option, group="The teachers' files")
read = partial(option, group="The table")
given = together(click.argument("table", type=PATH), option("--label", required=True, help="Column of the class."))
cells = together(
    read("--id", metavar="COL", show_default="row numbers from 0", help="Column of the ids."),
    read("--missing", type=Words(), metavar="WORD...", help="Words that mean 'missing' or 'no label'."),
    read("--separator", default=",", help="Character between cells."),
    read("--encoding", show_default="UTF-8", help="Encoding of the file."),
    read("--seed", type=click.IntRange(0), default=0, help="Base of every seed."),
)
table_options = together(  # for `mtbkd fit` and `mtbkd check`
    given,
    option("--teachers", type=Words(PATH), default=(), metavar="FILE...", help="Predictions of your teachers for the rows."),
    said("--values", type=click.Choice(["probabilities", "logits"]), show_default="detected", help="Type of the numbers."),
    said("--teacher-id", metavar="COL", default="id", help="Column of the ids in .csv and .parquet."),
    said("--floor", type=float, metavar="P", show_default="0.001, or a tenth of 1 / classes if that is less",
         help="Least probability: smaller ones are raised to it."),
    said("--missing-class", type=click.Choice(["refuse", "floor"]), default="refuse",
         help="A class without a column is a mistake, or has the least probability in every row."),
    read("--split", metavar="COL", show_default="drawn at random", help="Column of the splits: train, val, test."),
    read("--splits", metavar="FILE", help="File of ids and splits, as `mtbkd split` writes it."),
    read("--features", type=Words(least=1), metavar="COL...", show_default="all others", help="Feature columns."),
    read("--impute", type=click.Choice(["mean", "median"]), help="Fill missing numbers by this of the training rows."),
    cells,
)  # fmt: skip


@click.command(cls=Command, epilog=AFTER, short_help="Fit a student to your own table and teachers.")
@table_options
@option("--out", type=PATH, required=True, metavar="FOLDER", help="Folder for the student; a new one.")
@how("--method", show_default="by the student's size", help="A method of config.yaml, see `mtbkd list methods`.")
@how("--student", default="mlp", help="An architecture, a student of config.yaml, or a torch module: nets.py:Net, "
     "mypackage.nets.Net, torchvision.models.resnet18.")  # fmt: skip
@how("--student-settings", metavar="JSON", help="Settings of the student, such as '{\"shape\": [1, 8, 8]}'.")
@how("--hidden", type=Words(click.INT), default=(32,), metavar="UNITS...", help="Units of the hidden layers of an mlp.")
@how("--no-report", is_flag=True, help="Do not write the report.")
@run_options
def command(**asked: Any) -> None:
    """Fit a student to your own TABLE, from its labels and from the predictions of your teachers.

    TABLE is a CSV file with a header, plain or .gz: one column is the label, the others are numeric features; an empty label
    means unlabelled.

    Teachers are files with a column `id` and one column of probabilities or logits for each class (.csv, .parquet; also .npz
    and .safetensors with `values`, `ids`, `class_names`, and .npy without ids); ids are those of --id, or row numbers from 0.
    Without teachers the student learns from labels alone.

    The folder --out gets the student (student.safetensors, card.json), posterior draws (draws.nc), settings (estimator.json)
    and a report (report.html). `mtbkd predict --student` and, in Python, `mtbkd.load` read the folder.
    """
    from mtbkd.serving import own_table

    with on_signals(leave):
        import torch  # noqa: F401  # a signal in the middle of it would abort the program
    own_table.fit(SimpleNamespace(**asked))
