"""Posterior draws of a student, passed from the fit to the evaluation.

Written as an xarray DataTree in NetCDF, readable by ArviZ. Weights of a network are not identified (permutations, signs), so
the posterior is kept in function space: log-posterior and class probabilities at fixed probe inputs. Shapes: R replicates,
C chains, D draws, S <= D draws kept for predictions, Q probe inputs, M evaluated examples, L observed examples, K classes,
T looks at an optimiser's objective.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mtbkd.base.errors import ContractError, write_fault
from mtbkd.base.lazy import lazy_import
from mtbkd.base.reading import AGAIN, damage, regular_file
from mtbkd.base.seals import check_seal, seal
from mtbkd.base.writing import atomic
from mtbkd.contracts.held_out import HeldOut

if TYPE_CHECKING:
    import xarray as xr
else:
    xr = lazy_import("xarray")

CHAIN, DRAW, REPLICATE = "chain", "draw", "replicate"
OPTIMISER = "optimiser"  # the group of the training curves
HELD_OUT = ("validation", "folds")  # groups of held-out predictions


@dataclass(frozen=True)
class Curve:
    """An optimiser's objective along its steps, see ``mtbkd.inference.curves``.

    Attributes:
        objective: ``log-posterior`` or ``ELBO``, a training example, in nats; the larger the better.
        step: int64 (T,), how many steps were done.
        value: float32 (R, starts, T), of some starts of each replicate; NaN where one became non-finite.
    """

    objective: str
    step: np.ndarray
    value: np.ndarray

    @property
    def best(self) -> np.ndarray:
        """The start (R, T) of each replicate that ends highest."""
        ends = np.nan_to_num(self.value[..., -1], nan=-np.inf)
        return np.take_along_axis(self.value, ends.argmax(1)[:, None, None], 1)[:, 0]

    @property
    def late_gain(self) -> float:
        """Share of the whole gain that the last tenth of the steps brought, a mean over replicates' best starts.

        >>> float(Curve("ELBO", np.arange(11), np.array([[[0, 4, 6, 7, 7, 8, 8, 9, 9, 9, 10]]])).late_gain)
        0.1
        """
        late = [np.interp(0.9 * self.step[-1], self.step, own) for own in self.best]
        with np.errstate(divide="ignore", invalid="ignore"):  # nothing was gained, or the start was lost
            gain = (self.best[:, -1] - late) / (self.best[:, -1] - self.best[:, 0])
        return float(gain[np.isfinite(gain)].mean()) if np.isfinite(gain).any() else float("nan")


@dataclass(frozen=True)
class Draws:
    """Function-space draws of one method on one experiment, for a block of replicates.

    Attributes:
        replicates: int (R,), the replicates' numbers.
        log_posterior: float64 (R, C, D).
        probe_prob: float32 (R, C, D, Q, K), class probabilities at the probe inputs.
        probe_index: int64 (Q,), their rows in the dataset.
        log_likelihood: float32 (R, C, S, L), log q[y] of a fixed subset of the labelled training examples.
        observed_y: int64 (R, L), their labels.
        prob: float32 (R, C, S, M, K), class probabilities of the evaluated examples (test and ood:* splits).
        example_index: int64 (M,), their rows in the dataset.
        diverged: bool (R, C), chains that became non-finite; their draws are masked (NaN).
        sample_stats: the sampler's own statistics, each (R, C, D); NUTS: ``diverging``, ``energy``, ``n_steps``.
        params: float32 (R, C, S, P) raw weights, for small students or on request, else None.
        trunk: float32 (R, P - B) weights before the last layer where ``params`` are those of it alone, (R, C, S, B), as of
            torch modules; else None.
        gates: one entry per gate and replicate: {gate, replicate, value, threshold, verdict}; see evaluation/convergence.py.
        tuning: one entry per candidate: {setting: value, ..., replicate, val_nll, val_accuracy, chosen}.
        stacking: where chains are stacked, one entry per replicate and chain: {replicate, chain, weight, elpd, khat_bad,
            why_not}, see mtbkd/inference/chain_stacking.py. ``prob``, ``log_likelihood`` and ``params`` then hold draws of all
            chains in proportion to their weights, in the places of the undiverged ones; the other arrays hold each chain's own.
        curves: the optimisers' objectives, one optimiser after another; none in files of older versions.
        validation: predictions of the validation examples; None in files of older versions and without such examples.
        folds: out-of-fold predictions of the labelled training examples; None unless ``conformal_folds`` is set.
        attrs: method, signal, weights, inference, settings, seeds, versions, device, wall_s ...: JSON-able.
    """

    replicates: np.ndarray
    log_posterior: np.ndarray
    probe_prob: np.ndarray
    probe_index: np.ndarray
    log_likelihood: np.ndarray
    observed_y: np.ndarray
    prob: np.ndarray
    example_index: np.ndarray
    diverged: np.ndarray
    sample_stats: dict[str, np.ndarray] = field(default_factory=dict)
    params: np.ndarray | None = None
    trunk: np.ndarray | None = None
    gates: list[dict[str, Any]] = field(default_factory=list)
    tuning: list[dict[str, Any]] = field(default_factory=list)
    stacking: list[dict[str, Any]] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    validation: HeldOut | None = None
    folds: HeldOut | None = None
    attrs: dict[str, Any] = field(default_factory=dict)

    def validate(self, where: object = "draws") -> "Draws":
        """Return self, or raise ContractError that names the first array whose shape breaks the contract."""
        if self.log_posterior.ndim != 3:
            raise ContractError(where, "log_posterior", f"shape {self.log_posterior.shape}", "(replicates, chains, draws)")
        r, c, d = self.log_posterior.shape
        q, k = self.probe_prob.shape[-2:]
        s, m = self.prob.shape[2:4]
        expected = {
            "replicates": (r,), "probe_prob": (r, c, d, q, k), "probe_index": (q,), "prob": (r, c, s, m, k),
            "example_index": (m,), "log_likelihood": (r, c, s, self.observed_y.shape[1]), "diverged": (r, c),
        }  # fmt: skip
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise ContractError(where, name, f"shape {getattr(self, name).shape}", f"{shape}")
        if self.stacking and len(self.stacking) != r * c:
            raise ContractError(where, "stacking", f"{len(self.stacking)} entries", f"{r * c}, one per replicate and chain")
        for name in ("prob", "probe_prob"):
            kept = getattr(self, name)[~self.diverged.astype(bool)]
            if kept.size and not (np.allclose(kept.sum(-1), 1, atol=1e-3) and kept.min() >= 0):
                raise ContractError(
                    where, name, "rows of undiverged chains that are not probabilities", "0 or more, with sum 1"
                )
        if len(np.unique(self.example_index)) < m or (self.example_index < 0).any():
            raise ContractError(where, "example_index", "repeated or negative rows", "each example once")
        for name in HELD_OUT:
            if held := getattr(self, name):
                held.validate(where, name, r, m)
        return self

    @property
    def chain_weight(self) -> np.ndarray | None:
        """Weights (R, C) of stacked chains, each row with sum 1 (0 where all diverged); None where draws are pooled."""
        weights = [row["weight"] for row in self.stacking]
        return np.array(weights, np.float64).reshape(self.diverged.shape) if weights else None

    def probe_draws(self, index: int) -> np.ndarray:
        """The probe probabilities (S, Q, K) of a replicate at position ``index``, chains in proportion to their weights.

        Diverged chains are left out. Stacked chains lose draws, evenly, until what is left is in proportion.
        """
        own, kept = self.probe_prob[index], ~self.diverged[index]
        weight = np.ones(len(kept)) if self.chain_weight is None else self.chain_weight[index]
        share = np.where(kept, weight, 0) / max(weight.max(), np.finfo(float).tiny)
        counts = np.rint(share * own.shape[1]).astype(np.int64)
        at = [np.linspace(0, own.shape[1] - 1, count).round().astype(np.int64) for count in counts]
        return np.concatenate([each[rows] for each, rows in zip(own, at, strict=True)])

    def to_datatree(self) -> "xr.DataTree":
        """The ArviZ view: groups posterior, sample_stats, log_likelihood, predictions, observed_data."""
        observed = {"y": ((REPLICATE, "observed"), self.observed_y)}
        posterior = {
            "log_posterior": _lead(self.log_posterior),
            "probe_prob": _lead(self.probe_prob, "probe", "class"),
        }
        predictions: dict[str, Any] = {"prob": _lead(self.prob, "example", "class")}
        if self.params is not None:
            predictions["params"] = _lead(self.params, "param")
        if self.trunk is not None:
            predictions["trunk"] = ((REPLICATE, "trunk_param"), self.trunk)
        groups = {
            "posterior": xr.Dataset(posterior, coords={"probe": self.probe_index, REPLICATE: self.replicates}),
            "sample_stats": xr.Dataset({name: _lead(value) for name, value in self.sample_stats.items()}),
            "log_likelihood": xr.Dataset({"y": _lead(self.log_likelihood, "observed")}),
            "predictions": xr.Dataset(predictions, coords={"example": self.example_index, REPLICATE: self.replicates}),
            "observed_data": xr.Dataset(observed, coords={REPLICATE: self.replicates}),
            "chains": xr.Dataset({"diverged": ((REPLICATE, CHAIN), self.diverged.astype(np.int8))}),
        }
        if self.chain_weight is not None:
            groups["chains"]["chain_weight"] = ((REPLICATE, CHAIN), self.chain_weight)
        groups |= {name: held.to_dataset() for name in HELD_OUT if (held := getattr(self, name))}
        if self.curves:
            groups[OPTIMISER] = _curve_group(self.curves)
        tree = xr.DataTree.from_dict({f"/{name}": group for name, group in groups.items()})
        verdicts = {f"gate_{gate}": verdict for gate, verdict in self.verdicts().items()}
        # netCDF attributes have no booleans: 1 passed, 0 failed; a gate that does not apply has no attribute.
        tree.attrs = {name: int(verdict) for name, verdict in verdicts.items() if verdict is not None}
        tree.attrs["combined"] = "chains stacked, not pooled" if self.stacking else "chains pooled"
        for name in ("gates", "tuning", "stacking", "attrs"):
            tree.attrs[f"json_{name}"] = json.dumps(getattr(self, name), sort_keys=True)
        return tree

    def verdicts(self) -> dict[str, bool | None]:
        """Per gate: passed in every replicate, or None where the gate does not apply."""
        found: dict[str, list[bool | None]] = {}
        for row in self.gates:
            found.setdefault(row["gate"], []).append(row["verdict"])
        return {gate: None if None in seen else all(seen) for gate, seen in found.items()}

    def write(self, path: str | Path) -> None:
        """Validate, then write one NetCDF file."""
        self.validate(path)
        with atomic(path) as temporary:
            try:
                self.to_datatree().to_netcdf(temporary, engine="netcdf4")
                seal(temporary, path)
            except (OSError, RuntimeError, MemoryError) as error:
                raise write_fault(error, temporary, path) from error

    @classmethod
    def read(cls, path: str | Path) -> "Draws":
        """Read and validate what ``write`` wrote."""
        with open_draws(path) as tree:
            tree.load()
            missing = {"posterior", "log_likelihood", "predictions", "observed_data", "chains"} - set(tree.children)
            if missing:
                raise ContractError(path, "groups", f"no {', '.join(sorted(missing))}", "a file written by mtbkd")
            group = {name: child.to_dataset() for name, child in tree.children.items()}
            posterior, predictions = group["posterior"], group["predictions"]
            stats = group["sample_stats"].data_vars if "sample_stats" in group else {}
            return cls(
                replicates=posterior[REPLICATE].values,
                log_posterior=_unlead(posterior["log_posterior"]),
                probe_prob=_unlead(posterior["probe_prob"]),
                probe_index=posterior["probe"].values,
                log_likelihood=_unlead(group["log_likelihood"]["y"]),
                observed_y=group["observed_data"]["y"].values,
                prob=_unlead(predictions["prob"]),
                example_index=predictions["example"].values,
                diverged=group["chains"]["diverged"].values.astype(bool),
                sample_stats={str(name): _unlead(value) for name, value in stats.items()},
                params=_unlead(predictions["params"]) if "params" in predictions else None,
                curves=_curves(group.get(OPTIMISER)),
                **{name: HeldOut.of(group.get(name)) for name in HELD_OUT},
                trunk=predictions["trunk"].values if "trunk" in predictions else None,
                **{name: json.loads(tree.attrs[f"json_{name}"]) for name in ("gates", "tuning", "stacking", "attrs")},
            ).validate(path)


@contextmanager
def open_draws(path: str | Path) -> "Iterator[xr.DataTree]":
    """Open what ``Draws.write`` wrote; ContractError names the file where it is none or changed since it was written."""
    check_seal(regular_file(path, "draws of a student", "run the rule student"))
    with damage(path, "draws that mtbkd wrote", AGAIN) as file, xr.open_datatree(file, engine="netcdf4") as tree:
        yield tree


def _curve_group(curves: Sequence[Curve]) -> "xr.Dataset":
    """A variable and a coordinate a curve: their numbers of starts and steps differ."""
    found = xr.Dataset()
    for i, curve in enumerate(curves):
        steps = f"step_{i}"
        found = found.assign_coords({steps: curve.step})
        found[f"curve_{i}"] = ((REPLICATE, f"start_{i}", steps), curve.value, {"objective": curve.objective})
    return found


def _curves(group: "xr.Dataset | None") -> list[Curve]:
    values = [] if group is None else [group[f"curve_{i}"] for i in range(len(group.data_vars))]
    return [Curve(each.attrs["objective"], each.coords[each.dims[-1]].values, each.values) for each in values]


def _lead(value: np.ndarray, *dims: str) -> tuple[tuple[str, ...], np.ndarray]:
    """(R, C, D, ...) -> ArviZ's order (chain, draw, replicate, ...)."""
    return (CHAIN, DRAW, REPLICATE, *dims), np.moveaxis(value, 0, 2)


def _unlead(value: "xr.DataArray") -> np.ndarray:
    return np.moveaxis(value.values, 2, 0)
