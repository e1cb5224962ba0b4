"""How the page reports stacked chains."""

from mtbkd.base.frames import Frame
from mtbkd.inference.within_chains import told
from mtbkd.report.numbers import NONE, count
from mtbkd.report.table import Cell, Column, Row, Table, number, text


def said(rows: Frame) -> dict[str, str]:
    """Method -> number of stacked chains and their weights, from the rows of chain_weights.parquet."""
    return {str(method): _said(own) for method, own in rows.groupby("method", sort=False)}


def _said(own: Frame) -> str:
    replicates = own["replicate"].nunique()
    stacked = own[own["why_not"] == ""]
    pooled = own[own["why_not"] != ""]
    parts = []
    if len(stacked):
        weights = stacked.sort_values(["replicate", "chain"])["weight"].to_numpy(float)
        parts.append(told(weights.reshape(stacked["replicate"].nunique(), -1)))
    if len(pooled):
        lost = pooled["replicate"].nunique()
        where = f"in {lost} of {count(replicates, 'replicate')} " if lost < replicates else ""
        parts.append(where + "; ".join(dict.fromkeys(pooled["why_not"])))
    return "; ".join(parts)


def stacking_table(name: str, rows: Frame) -> Table | None:
    """One row per method and replicate with its chain weights; None if no chains are stacked."""
    if not len(rows):
        return None
    head = [
        Column("Method"), Column("Replicate", True), Column("Weights", hint="of the chains, in order"),
        Column("elpd: worst to best chain", hint="leave-one-out log predictive density of the labels"),
        Column("k-hat above .7", True, "share of labels, for the worst chain"), Column("Reason for pooling"),
    ]  # fmt: skip
    found = []
    for (method, replicate), own in rows.groupby(["method", "replicate"], sort=False):
        elpd, worst = own["elpd"].dropna(), float(own["khat_bad"].max())
        ends = f"{elpd.min():.1f} to {elpd.max():.1f}" if len(elpd) else NONE
        cells = [text(str(method)), Cell(str(replicate), "", float(replicate))]
        cells += [text(", ".join(f"{weight:.2f}" for weight in own["weight"])), text(ends), number(worst)]
        found.append(Row([*cells, text(own["why_not"].iloc[0] or NONE)], data={"method": str(method)}))
    return Table(f"stacking-{name}", f"{name}: weights of stacked chains", head, found, "chain_weights.csv")
