"""Printed tables and figures of the papers by name, each a study of its own: part of one of workflow/studies.

Data and teachers are shared with that study by their keys. Students are fitted for each study that has them.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from mtbkd.base.errors import ConfigError
from mtbkd.base.explain import Mistake, choice, sentence
from mtbkd.data.published import tables as published

if TYPE_CHECKING:
    from mtbkd.study.models import Config, Experiment

MTBKD, BKD = "MT-BKD", "BKD"
ALIKE = 0.85  # of words that are meant to be equal


@dataclass(frozen=True)
class Item:
    """What a paper shows, and what of a study makes it.

    Attributes:
        paper, place, shows: the paper, the place in it, what stands there.
        study: the study that it is a part of.
        experiments: those of the study that it needs.
        questions: those of the study that it needs.
        methods: of these experiments; () for those that have a column in the experiment's printed table, and labels alone.
        without: method -> why it is left out although it has a column.
        tables: printed tables besides those of the experiments.
        figures: names of the figures to look at, in results/ITEM/figures.
    """

    paper: str
    place: str
    shows: str
    study: str
    experiments: tuple[str, ...]
    questions: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    without: Mapping[str, str] = field(default_factory=dict)
    tables: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return f"{self.paper}, {self.place}: {self.shows}"


SIMULATIONS, IMAGES, PROTEIN = "paper_simulations", "images", "protein"
ITEMS = {
    "mtbkd_table1": Item(
        MTBKD, "Table 1", "accuracy and error of the probabilities on Simulation 1", SIMULATIONS, ("sim1",),
        without={"tip_entropy_hmc": "it takes longer than all others together; tip_entropy_last has the same column"},
    ),
    "mtbkd_table2": Item(
        MTBKD, "Table 2", "accuracy and error of the probabilities on Simulation 2", SIMULATIONS, ("sim2",)
    ),
    "mtbkd_table3": Item(
        MTBKD, "Table 3", "proteins by location; counts stand in the description of the dataset", PROTEIN, ("descriptors",),
        methods=("labels_map",), tables=("mtbkd_table3_protein_counts",),
    ),
    "mtbkd_fig2": Item(
        MTBKD, "Fig. 2", "two teachers who disagree, in one dimension", SIMULATIONS, ("bkd_s1",),
        methods=("labels_map",), figures=("toy",),
    ),
    "mtbkd_fig3": Item(
        MTBKD, "Fig. 3", "predictions and uncertainty over the plane of Simulation 1", SIMULATIONS, ("sim1",),
        methods=("labels_map", "kd_entropy_map", "tip_entropy_last"), figures=("sim1-planes",),
    ),
    "mtbkd_fig4": Item(
        MTBKD, "Fig. 4", "coverage of every method, here on both simulations", SIMULATIONS, ("sim1", "sim2"),
        without={"tip_entropy_hmc": "it takes longer than all others together; tip_entropy_last has the same column"},
        figures=("sim1-coverage_levels", "sim2-coverage_levels"),
    ),
    "mtbkd_fig6": Item(
        MTBKD, "Fig. 6", "uncertainty of proteins by location", PROTEIN, ("both",),
        methods=("labels_map", "tip_entropy_sghmc_last"), tables=("mtbkd_fig6_notebook",), figures=("both-boxes",),
    ),
    "mtbkd_fig7": Item(
        MTBKD, "Fig. 7", "the least and the most certain images, here of three domains", IMAGES, ("digit_domains",),
        methods=("labels_map", "tip_entropy_sgld_images"), figures=("digit_domains-extremes",),
    ),
    "mtbkd_notebook": Item(
        MTBKD, "the authors' notebook", "accuracy on the released proteins", PROTEIN, ("both",), tables=("authors_notebook",)
    ),
    "bkd_table2": Item(
        BKD, "Table 2", "accuracy on MNIST and Fashion-MNIST, at reduced size", IMAGES, ("mnist", "fashion_mnist"),
        tables=("bkd_table2_images",),
    ),
    "bkd_table4": Item(
        BKD, "Table 4", "accuracy and error of the probabilities on S1 to S4", SIMULATIONS,
        ("bkd_s1", "bkd_s2", "bkd_s3", "bkd_s4"),
    ),
    "bkd_table7": Item(
        BKD, "Table 7", "mean deviance as noise is mixed into the images", IMAGES, ("mnist",), ("noise_mnist",),
        tables=("bkd_table7",), figures=("noise_mnist-perturbation",),
    ),
    "bkd_coverage": Item(
        BKD, "coverage study", "coverage by number of test examples, here on S1 to S3", SIMULATIONS,
        ("bkd_s1", "bkd_s2", "bkd_s3"),
        figures=("bkd_s1-coverage_size", "bkd_s2-coverage_size", "bkd_s3-coverage_size"),
    ),
    "bkd_c5": Item(
        BKD, "Appendix C.5", "the conjugate student of a quadratic discriminant teacher", SIMULATIONS, ("bkd_s1",), ("exact",),
        methods=("labels_map",), tables=("bkd_c5_conjugate",),
    ),
}  # fmt: skip
# What the papers print and no item makes, and why.
NOT_MADE = {
    "BKD, Table 2: CIFAR-10 and CIFAR-100": "no study has BKD's single teacher and its methods on these images",
    "CA-MKD, MMKD, SAMerging": "their printed numbers are not among the recorded tables; `tables` compares their weights",
}


def tables_of(item: Item, experiments: Mapping[str, "Experiment"]) -> list[str]:
    """The printed tables that an item is; a figure's numbers are printed in none, or in those that the item names."""
    printed = [experiments[name].published for name in item.experiments] if not (item.methods or item.figures) else []
    return list(dict.fromkeys([*filter(None, printed), *item.tables]))


def wanted(content: Any) -> str | None:
    """The item that ``content`` of config.yaml names as its study; a study of that name comes first."""
    name = content.get("study") if isinstance(content, dict) else None
    studies = content.get("studies") if name else None
    if not isinstance(name, str) or not isinstance(studies, dict) or name in studies or name not in ITEMS:
        return None
    return name if ITEMS[name].study in studies else None


def available(studies: Iterable[str]) -> Iterator[str]:
    """Items whose study is one of ``studies``."""
    known = set(studies)
    return (name for name, item in ITEMS.items() if item.study in known)


def reduced(config: "Config", name: str) -> "Config":
    """A checked configuration with the item ``name`` as one more study, which is the chosen one.

    Raises:
        ConfigError: the item's study has lost an experiment, a question or methods that the item needs.
    """
    item, study = ITEMS[name], config.studies[ITEMS[name].study]
    for kind, needed, there in (
        ("experiments", item.experiments, study.experiments),
        ("questions", item.questions, study.questions),
    ):
        if gone := [each for each in needed if each not in there]:
            raise ConfigError(str(Mistake(("studies", item.study, kind), f"missing: {', '.join(gone)}, which {name} needs.")))
    part = {
        "description": item.title,
        "experiments": {each: _part(config, name, item, each) for each in item.experiments},
        "questions": {each: study.questions[each] for each in item.questions},
    }
    return config.model_copy(update={"study": name, "studies": {**config.studies, name: study.model_copy(update=part)}})


def _part(config: "Config", name: str, item: Item, title: str) -> "Experiment":
    """An experiment with the item's methods alone."""
    whole = config.studies[item.study].experiments[title]
    printed = published.columns_of(whole.published) if whole.published else set()
    alone = next((m for m in whole.methods if config.methods[m].signal == "none"), None)
    chosen = item.methods or [m for m in whole.methods if m == alone or set(config.methods[m].published) & printed]
    methods = tuple(m for m in whole.methods if m in chosen and m not in item.without)
    if not methods:
        text = sentence(", ".join(whole.methods), f"methods of {name}: {', '.join(chosen) or 'with a printed column'}")
        raise ConfigError(str(Mistake(("studies", item.study, "experiments", title, "methods"), text)))
    return whole.model_copy(update={"methods": methods, "published": None if item.methods else whole.published})


def named(words: Sequence[str], given: str | None = None) -> str | None:
    """The item among the words of a command line.

    Args:
        given: the study that the command line names, which must be the same.

    Raises:
        ConfigError: several items, or a word that is nearly one; one line.
    """
    found = [word for word in dict.fromkeys(words) if word in ITEMS]
    for word in words:
        if word not in ITEMS and re.fullmatch(r"[\w-]+", word) and get_close_matches(word, ITEMS, cutoff=ALIKE):
            raise ConfigError(str(Mistake(("target",), choice(word, ITEMS))))
    if len(found) > 1:
        hint = "run one after the other; data and teachers are shared"
        raise ConfigError(str(Mistake(("target",), sentence(" ".join(found), "one table or figure at a time", hint))))
    if found and given not in (None, found[0]):
        raise ConfigError(str(Mistake(("study",), sentence(given, f"{found[0]}, the target", "leave out the study"))))
    return next(iter(found), None)
