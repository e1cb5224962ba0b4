"""The options of `mtbkd try`; what it does is in ``trying``, imported when it runs."""

from types import SimpleNamespace
from typing import Any

import click

from mtbkd.serving.terminal import PATH, Command, Words, leave, on_signals, option

AFTER = """\
\b
example: mtbkd try --dataset sim1_few --method tip_equal_map --against tip_entropy_map --replicates 6
yours:   mtbkd try --config my.yaml --dataset sim1_few --method my_method --against tip_entropy_map

exit status: 0 compared, 1 something to be mended (said in one line), 2 a wrong option, 130 stopped by hand (Ctrl-C)
"""


@click.command(cls=Command, epilog=AFTER, short_help="Compare two methods in seconds, for authors of a method.")
@option("--dataset", required=True, help="An entry of datasets, such as sim1_few.")
@option("--method", required=True, help="An entry of methods, see `mtbkd list methods`.")
@option("--against", required=True, metavar="METHOD", help="The method to compare it with.")
@option("--replicates", type=int, default=6, help="At least 6 allow a test.")
@option("--teachers", type=Words(least=1), metavar="NAME...", show_default="as in the experiment", help="Entries of teachers.")
@option("--student", show_default="as in the experiment", help="An entry of students.")
@option("--config", type=PATH, multiple=True, metavar="FILE", help="Your own entries (YAML); may be repeated.")
@option("--results", type=PATH, default="results", help="Folder with downloads.")
@option("--watch", is_flag=True, help="Print what each optimiser gained with its steps, and the trace of chains.")
@option("--quiet", is_flag=True, help="Print the tables only.")
def command(**asked: Any) -> None:
    """Compare two methods in this process, without writing results: for authors of a method. Names are those of config.yaml,
    of workflow/studies, and of your own file (--config), which is read over them and may define further ones.

    It prints scores on the test examples, the paired difference with its 95 % interval over replicates, and the convergence
    checks. Teachers, student and shared settings are those of the first experiment with this dataset, if any; options replace
    them.
    """
    from mtbkd.serving import trying

    with on_signals(leave):
        import torch  # noqa: F401  # a signal in the middle of it would abort the program
    trying.compare_methods(SimpleNamespace(**asked))
