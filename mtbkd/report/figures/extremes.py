"""The images with the least and the most uncertainty, by domain (MT-BKD, Fig. 7)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mtbkd.report.figures.material import Experiment, Material
from mtbkd.report.figures.style import BLACK, SEQUENTIAL, VERMILION, WIDTH, plt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "The most and least certain images"
SCOPE = "experiment"
CATEGORY = "Uncertainty"
CAPTION = """\
The test images with the lowest and the highest uncertainty, as in the paper's Fig. 7, for the method named above (replicate
0). If the data have domains, each has two rows: the upper row shows the images with the smallest posterior mean deviance, the
lower row those with the largest. Above each image are its label and, after an arrow, the student's prediction, in red with a
cross if wrong. Below it is the mean deviance in nats, from 0 (certain) to at most twice the logarithm of the number of
classes. With useful uncertainty, clear images are in the upper row and odd, faint or ambiguous ones in the lower.
"""
SHOWN = 6


class Picture(NamedTuple):
    """One image (H, W, 3) or (H, W) in [0, 1], its label and prediction in words, and its mean deviance in nats."""

    image: np.ndarray
    label: str
    prediction: str
    deviance: float


def applies(experiment: Experiment) -> bool:
    return len(experiment.features) == 3 and experiment.features[0] in (1, 3)


def draw(material: Material) -> "Figure":
    rows = strips(material)
    figure, axes = plt.subplots(len(rows), SHOWN, figsize=(WIDTH, 1.22 * len(rows) + 0.35), squeeze=False)
    for line, (title, pictures) in zip(axes, rows.items(), strict=True):
        for ax in line:
            ax.set_axis_off()
        for ax, picture in zip(line, pictures, strict=False):
            _show(ax, picture)
        line[0].text(-0.12, 0.5, title, transform=line[0].transAxes, rotation=90, ha="right", va="center", fontsize=7.5)
    title = material.experiment.titles[material.experiment.main_method]
    told = f"{title}: label \N{RIGHTWARDS ARROW} prediction, mean deviance in nats"
    figure.suptitle(told, fontsize=9, x=0.01, ha="left")
    return figure


def _show(ax: "Axes", picture: Picture) -> None:
    wrong = picture.label != picture.prediction
    ax.imshow(picture.image, cmap=SEQUENTIAL if picture.image.ndim == 2 else None, vmin=0, vmax=1)
    long = len(picture.label) + len(picture.prediction) > 8
    told = f"{picture.label}{chr(10) if long else ' '}\N{RIGHTWARDS ARROW} {picture.prediction}"
    told += " \N{MULTIPLICATION SIGN}" if wrong else ""
    colour = VERMILION if wrong else BLACK
    ax.set_title(told, fontsize=6.5 if long else 7, color=colour, loc="center", fontweight="normal", pad=2)
    ax.text(0.5, -0.04, f"{picture.deviance:.3f}", transform=ax.transAxes, ha="center", va="top", fontsize=7)


def strips(material: Material) -> dict[str, list[Picture]]:
    """Title of a row -> its pictures: least and most uncertain test images of each domain, or of all."""
    table = material.table("examples")
    table = table[(table["method"] == material.experiment.main_method) & (table["split"] == "test")]
    table = table[table["replicate"] == table["replicate"].min()].sort_values(["mean_deviance", "id"], kind="stable")
    found = {}
    for domain, own in table.groupby("domain"):
        place = f"{domain}: " if table["domain"].nunique() > 1 else ""
        found[f"{place}sure"] = [_picture(material, row) for row in own.head(SHOWN).to_dict("records")]
        found[f"{place}unsure"] = [_picture(material, row) for row in own.tail(SHOWN).to_dict("records")]
    return found


def _picture(material: Material, row: Mapping[Any, Any]) -> Picture:
    dataset, at = material.dataset, int(row["row"])
    image = dataset.x[0, at]
    low = min(0.0, float(dataset.x[0, dataset.split == "test"].min()))  # values lie in [0, 1] or in [-1, 1]
    image = np.clip((image - low) / (1 - low), 0, 1).transpose(1, 2, 0)
    names = dataset.class_names
    return Picture(
        image[..., 0] if image.shape[-1] == 1 else image,
        names[int(row["y"])], names[int(row["prediction"])], float(row["mean_deviance"]),
    )  # fmt: skip
