"""Examples of minibatches out of tables, in the order in memory that later steps are fast on.

Sums over a few teachers or classes side by side in memory take longer than all else in a step of a small student: constants
lie with the examples last, so that such a sum adds long rows. Inputs stay rows, which matrix products read.
Shapes: U rows of a table, N examples, E members of an ensemble, m examples of a minibatch.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def positions(row: "torch.Tensor", index: "torch.Tensor", n: int) -> "torch.Tensor":
    """Positions (E, m) of examples ``index`` (E, m) of rows ``row`` (E,) in a flattened (U, N = n) table."""
    return row.unsqueeze(-1) * n + index


def examples_last(table: "torch.Tensor") -> "torch.Tensor":
    """``table`` (U, N, ...) with the examples side by side in memory."""
    return table.permute(*range(2, table.ndim), 0, 1).contiguous().permute(-2, -1, *range(table.ndim - 2))


def take_rows(table: "torch.Tensor", at: "torch.Tensor") -> "torch.Tensor":
    """Entries (E, m, ...) of the contiguous ``table`` (U, N, ...); one index_select is faster than two-index gathers."""
    return table.flatten(0, 1).index_select(0, at.flatten()).view(*at.shape, *table.shape[2:])


def take_columns(table: "torch.Tensor", at: "torch.Tensor") -> "torch.Tensor":
    """The same of a table made by ``examples_last``, with the examples last in memory; another table is copied first."""
    columns = table.permute(*range(2, table.ndim), 0, 1).reshape(-1, table.shape[0] * table.shape[1])
    taken = columns.index_select(1, at.flatten()).view(*table.shape[2:], *at.shape)
    return taken.permute(-2, -1, *range(table.ndim - 2))
