"""How much each teacher counts over the plane: entropy weights beside the posterior's own responsibilities."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mtbkd.base import registry
from mtbkd.base.lazy import torch
from mtbkd.pooling import entropy
from mtbkd.report.figures import plane
from mtbkd.report.figures.material import Experiment, Material
from mtbkd.report.figures.style import BLACK, grid, panel_title
from mtbkd.signals import tip, with_no_teacher

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Which teacher counts where"
SCOPE = "experiment"
CATEGORY = "Method"
CAPTION = """\
How much the first teacher counts, at test examples of replicate 0: orange where it counts most, purple where the others do,
white where all count equally. Top left: the ideal weight, its share if teachers are weighted by the inverse of their absolute
error of p, which is known only in a simulation. Top right: its entropy weight w, which measures how confident a teacher is,
not whether it is right; a teacher that is confident where it was never trained gets the largest weight where it deserves the
least. Bottom: its responsibility r, the weight that a student with the teacher-informed prior assigns to it: the teacher's
share in the prior's density at the student's probabilities, averaged over posterior draws, with lambda tuned on validation
data. It starts at the weights that the prior uses, equal or entropy, and moves towards the teachers that the labels agree
with, more so for a larger lambda. Boxed numbers are means over a domain, between the dashed borders; the solid line is where
the true probability is one half. A useful weight looks like the first panel.
"""
PANEL = 2.35  # inches
SHOWN_WEIGHTS = ("equal", "entropy")


class Panel(NamedTuple):
    """One map: shares (M,) of the first teacher."""

    title: str
    values: np.ndarray


def applies(experiment: Experiment) -> bool:
    return plane.applies(experiment) and len(experiment.teachers) > 1 and bool(students(experiment))


def students(experiment: Experiment) -> list[str]:
    """A student with the mixture prior for either kind of weights: the one beside printed numbers, else draws first.

    Its teachers are as they are, not scaled.
    """

    def distance(name: str) -> tuple[bool, bool]:
        return name not in experiment.columns, experiment.methods[name].draws_kind == "point"

    methods = experiment.methods.items()
    tips = {name: method.weights for name, method in methods if method.signal == "tip" and method.teacher_scaling == "none"}
    of = [[name for name, weights in tips.items() if weights == shown] for shown in SHOWN_WEIGHTS]
    return [min(names, key=distance) for names in of if names]


def draw(material: Material) -> "Figure":
    at = plane.rows(material)
    shown = panels(material, at)
    figure, axes = grid(len(shown), 2, PANEL, sharex=True, sharey=True)
    for ax, panel in zip(axes, shown, strict=True):
        drawn = plane.show(ax, material, at, panel.values, plane.PROBABILITY)
        panel_title(ax, panel.title, 2, 7.5)
        _domain_means(ax, material, at, panel.values)
    bar = figure.colorbar(drawn, ax=figure.axes, fraction=0.03, pad=0.02, shrink=0.6)
    bar.set_label(f"share of teacher {material.experiment.teachers[0]}", fontsize=8)
    bar.ax.tick_params(labelsize=7.5)
    figure.supxlabel("feature x1", fontsize=9)
    figure.supylabel("feature x2", fontsize=9)
    return figure


def panels(material: Material, at: np.ndarray) -> list[Panel]:
    """What the first teacher deserves, its entropy weight and its responsibilities, at the rows ``at`` (M,)."""
    prob = _softmax(material.logits[at].astype(np.float64))
    truth = material.dataset.true_prob
    found = [] if truth is None else [Panel("ideal: inverse error", _inverse_error(prob, truth[0, at]))]
    found.append(Panel("entropy weight w", entropy.weights(prob[None])[0, :, 0]))
    for method in students(material.experiment):
        chosen = _chosen(material, method)
        weights = material.experiment.methods[method].weights
        title = f"responsibility r ({weights} weights)\n{material.experiment.titles[method]}, lambda = {chosen['lambda']:g}"
        found.append(Panel(title, responsibilities(material, method, at)[:, 0]))
    return found


def _chosen(material: Material, method: str) -> dict[str, Any]:
    """The tuned settings of the first replicate."""
    tuning = material.table("tuning")
    return tuning[(tuning["method"] == method) & tuning["chosen"]].sort_values("replicate").iloc[0].to_dict()


def _softmax(logits: np.ndarray) -> np.ndarray:
    prob = np.exp(logits - logits.max(-1, keepdims=True))
    return prob / prob.sum(-1, keepdims=True)


def _inverse_error(prob: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Share (M,) of the first teacher in 1 / |p_g - p|, of ``prob`` (M, G, K) and ``truth`` (M, K)."""
    closeness = 1 / np.maximum(np.abs(prob - truth[:, None]).mean(-1), 1e-9)
    return closeness[:, 0] / closeness.sum(1)


def responsibilities(material: Material, method: str, at: np.ndarray) -> np.ndarray:
    """r (M, G): the mean over draws of softmax_g(log w_g - log B(1 + lambda p_g) + lambda sum_k p_gk log q_k).

    q are the draws of ``method`` in the first replicate, tempered by the student's temperature; p, w and lambda as its fit
    used them (method.md, section 1: the gradient of the mixture term is distillation with these weights). What they lack of 1
    is the share of no teacher.
    """
    prob, rows = material.predictions(method)
    drawn = prob[:, np.searchsorted(rows, at)]
    chosen = _chosen(material, method)
    logits = material.logits[at].astype(np.float64)
    weights = registry.part("weights", material.experiment.methods[method].weights).weights(_softmax(logits)[None])
    teachers = torch.as_tensor(_softmax(logits / chosen["teacher_temperature"])[None])
    lam = torch.tensor([float(chosen["lambda"])], dtype=torch.float64)
    parts = teachers, torch.as_tensor(weights)
    if chosen.get("no_teacher", 0) > 0:
        parts = with_no_teacher(*parts, torch.tensor([chosen["no_teacher"]]))
    constants = tip.prepare(*parts, lam, tip.Settings(), None)
    total = torch.zeros(len(at), logits.shape[1], dtype=torch.float64)
    for each in drawn:
        log_q = torch.log(torch.as_tensor(each, dtype=torch.float64).clamp(min=1e-38))[None]
        log_q = torch.log_softmax(log_q / chosen["student_temperature"], -1)
        total += tip.responsibilities(log_q, constants, lam)[0, :, : logits.shape[1]]
    return (total / len(drawn)).numpy()


def _domain_means(ax: "Axes", material: Material, at: np.ndarray, values: np.ndarray) -> None:
    """The mean of each domain, at its middle."""
    dataset = material.dataset
    if dataset.domain is None:
        return
    for code, name in enumerate(dataset.domain_names):
        inside = dataset.domain[0, at] == code
        if inside.any():
            middle = dataset.x[0, at][inside].mean(0)
            box = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": BLACK, "linewidth": 0.5, "alpha": 0.85}
            ax.annotate(f"{name}: {values[inside].mean():.2f}", middle, ha="center", va="center", fontsize=7.5, bbox=box)
