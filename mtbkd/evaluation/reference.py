"""Reference summaries: means of a run's scores over replicates, and whether another run of the study still has them.

The other run has the same data and seeds, so that only rounding moves its scores; long chains and trainings amplify it, until
a score is a new draw of its Monte Carlo noise. That noise is part of the spread over replicates. A mean may therefore move by
``ERRORS`` standard errors. Few replicates estimate their own standard error badly, hence the larger of a score's own and the
median of the same metric over all methods of its experiment; two replicates hardly at all, hence ``SHARE`` of the mean there.
"""

from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.base.lazy import pd
from mtbkd.evaluation.intervals import MIN_FOR_INTERVAL

KEY = ["experiment", "method", "metric"]
COLUMNS = [*KEY, "mean", "se", "n"]
ERRORS = 2.0
SHARE = 0.1  # of the mean, below as many replicates as an interval needs
ROUNDING = 2e-6  # relative: a file states means in seven digits
Held = Literal["held", "moved", "missing", "other replicates", "new"]
BROKEN = ("moved", "missing", "other replicates")


def summary(scores: Mapping[str, Frame]) -> Frame:
    """Mean, standard error of the mean and number of the finite values of each score: ``COLUMNS``.

    Args:
        scores: experiment -> columns method, metric, replicate, value; one row a replicate.

    Raises:
        ValueError: several rows of one replicate, which would count as more replicates than there are.
    """
    rows = pd.concat([own.assign(experiment=name) for name, own in scores.items()], ignore_index=True)
    if (twice := rows.duplicated([*KEY, "replicate"])).any():
        raise ValueError(f"two values of one replicate: {', '.join(rows.loc[twice, KEY].iloc[0])}")
    rows = rows[np.isfinite(rows["value"].astype(float))]
    return rows.groupby(KEY, sort=False)["value"].agg(mean="mean", se="sem", n="count").reset_index()


def held(reference: Frame, run: Frame) -> Frame:
    """Every score of both summaries: ``KEY``, mean and n of each (suffix ``_run``), difference, allowed and ``held``.

    ``held``: ``moved`` by more than ``allowed``; ``missing`` in the run; ``other replicates``, so that means say nothing;
    ``new``, which the reference lacks.
    """
    both = reference.merge(run[[*KEY, "mean", "n"]], "outer", on=KEY, suffixes=("", "_run"), sort=False)
    typical = both.groupby(["experiment", "metric"])["se"].transform("median")
    least = both["mean"].abs() * np.where(both["n"] < MIN_FOR_INTERVAL, SHARE, ROUNDING)
    both["allowed"] = np.maximum(ERRORS * np.fmax(both["se"], typical), least)
    both["difference"] = both["mean_run"] - both["mean"]
    cases = {
        "new": both["mean"].isna(),
        "missing": both["mean_run"].isna(),
        "other replicates": both["n"] != both["n_run"],
        "moved": ~(both["difference"].abs() <= both["allowed"]),
    }
    both["held"] = np.select(list(cases.values()), list(cases), get_args(Held)[0])
    return both.drop(columns="se")
