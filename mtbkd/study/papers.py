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
from mtbkd.data.published import layouts
from mtbkd.data.published import tables as published

if TYPE_CHECKING:
    from mtbkd.study.models import Config, Experiment

ALIKE = 0.85  # of words that are meant to be equal


@dataclass(frozen=True)
class Item:
    """What of a study makes a printed item; what the paper shows stands in its layout.

    Attributes:
        name: as in ``mtbkd.data.published.layouts``.
        study: the study that it is a part of.
        experiments: those of the study that it needs.
        questions: those of the study that it needs.
        methods: of these experiments; () for those that have a column in the experiment's printed table, and labels alone.
        without: method -> why it is left out although it has a column.
        tables: printed tables besides those of the experiments.
    """

    name: str
    study: str
    experiments: tuple[str, ...]
    questions: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    without: Mapping[str, str] = field(default_factory=dict)
    tables: tuple[str, ...] = ()

    @property
    def layout(self) -> layouts.Layout:
        return layouts.read()[self.name]

    @property
    def title(self) -> str:
        return self.layout.title

    @property
    def figures(self) -> tuple[str, ...]:
        """Names of the figures to look at, in results/ITEM/figures."""
        return self.layout.figures


SIMULATIONS, IMAGES, PROTEIN = "paper_simulations", "images", "protein"
SLOW = {"tip_entropy_hmc": "it takes longer than all others together; tip_entropy_last has the same column"}
_ALL = (
    Item("mtbkd_table1", SIMULATIONS, ("sim1",), without=SLOW),
    Item("mtbkd_table2", SIMULATIONS, ("sim2",)),
    Item("mtbkd_table3", PROTEIN, ("descriptors",), methods=("labels_map",), tables=("mtbkd_table3_protein_counts",)),
    Item("mtbkd_fig2", SIMULATIONS, ("sim1",), methods=("labels_map",)),
    Item("mtbkd_fig3", SIMULATIONS, ("sim1",), methods=("labels_map", "kd_entropy_map", "tip_entropy_last")),
    Item("mtbkd_fig4", SIMULATIONS, ("sim1", "sim2"), without=SLOW),
    Item("mtbkd_fig6", PROTEIN, ("both",), methods=("labels_map", "tip_entropy_sghmc_last"), tables=("mtbkd_fig6_notebook",)),
    Item("mtbkd_fig7", IMAGES, ("digit_domains",), methods=("labels_map", "tip_entropy_last_images")),
    Item("mtbkd_notebook", PROTEIN, ("both",), tables=("authors_notebook",)),
    Item("bkd_table2", IMAGES, ("mnist", "fashion_mnist"), tables=("bkd_table2_images",)),
    Item("bkd_table4", SIMULATIONS, ("bkd_s1", "bkd_s2", "bkd_s3", "bkd_s4")),
    Item("bkd_table7", IMAGES, ("mnist",), ("noise_mnist",), tables=("bkd_table7",)),
    Item("bkd_coverage", SIMULATIONS, ("bkd_s1", "bkd_s2", "bkd_s3")),
    Item("bkd_c5", SIMULATIONS, ("bkd_s1",), ("exact",), methods=("labels_map",), tables=("bkd_c5_conjugate",)),
)
ITEMS = {item.name: item for item in _ALL}
# What the papers print and no item makes, and why.
NOT_MADE = {
    "BKD, Table 2: CIFAR-10 and CIFAR-100": "no study has BKD's single teacher and its methods on these images",
    "CA-MKD, MMKD": "none of their numbers can be compared: VGG, ResNet and MobileNet students on images that no study has; "
    "`aggregation` runs both methods on our data",
    "SAMerging": "none of its numbers is on record; `aggregation` runs the method on our data",
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
    # An experiment that only carries the item is compared with nothing; figures must know that their paper prints it.
    kept = whole.published if item.figures or not item.methods else None
    return whole.model_copy(update={"methods": methods, "published": kept})


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
