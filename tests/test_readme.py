"""README.md and workflow/README.md: what they name exists. Their steps are executed by tests/workflow/test_extending.py."""

import re
from pathlib import Path

import pytest
import yaml

from mtbkd.base import registry
from mtbkd.contracts import artefacts
from mtbkd.contracts.artefacts import Dataset, Logits
from mtbkd.evaluation.tables import COLUMNS
from mtbkd.questions.exact import judging as exact
from mtbkd.study import config
from mtbkd.study.papers import ITEMS
from mtbkd.study.plan import make_plan
from mtbkd.study.study_files import read_configuration

ROOT = Path(__file__).resolve().parent.parent
README, WORKFLOW = ROOT / "README.md", ROOT / "workflow" / "README.md"
PAGES = {name: ROOT / name for name in ("README.md", "workflow/README.md", "config/README.md", "CONTRIBUTING.md")}


def heading_anchors(text: str) -> set[str]:
    """The fragments that a web view gives to the headings."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES.keys())
def test_every_link_inside_the_repository_leads_somewhere(page: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()) if "://" not in link]
    assert links
    for link in links:
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in heading_anchors(target.read_text()), link


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES.keys())
def test_every_path_in_backticks_exists(page: Path) -> None:
    made_by_the_reader = {"workflow/datasets/wine.smk", "workflow/studies/wine.yaml", "mtbkd/pooling/confidence.py"}
    named = set(re.findall(r"`((?:mtbkd|workflow|scripts|tests|envs)/[\w./-]+)`", page.read_text()))
    assert named - made_by_the_reader
    for path in named - made_by_the_reader:
        assert (ROOT / path).exists(), path


def test_every_make_target_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"^make ([a-z-]+)", README.read_text(), re.MULTILINE))
    assert {"run", "test"} <= named <= targets


def test_every_study_named_is_in_the_configuration() -> None:
    studies = read_configuration()["studies"]
    named = set(re.findall(r"(?:STUDY=|study=)(\w+)", README.read_text() + WORKFLOW.read_text()))
    assert named - {"wine"} <= {*studies, *ITEMS} and "wine" in named


def test_the_first_screen_is_two_commands_and_a_picture_of_the_report() -> None:
    first = README.read_text().split("**You need**")[0]
    assert re.findall(r"^make (\w+)", first, re.MULTILINE) == ["run", "test"]
    assert re.search(r"!\[[^]]+\]\(docs/report\.png\)", first) and len(first.splitlines()) <= 20


def test_the_configuration_of_the_readme_is_legal_beside_the_shipped_one() -> None:
    """But for the part that the reader adds, everything it names is there."""
    raw = read_configuration()
    for block in re.findall(r"```yaml\n(.*?)```", README.read_text(), re.DOTALL):
        for section, entries in yaml.safe_load(block).items():
            assert not set(entries) & set(raw[section]), "the reader's names must be new"
            raw[section].update(entries)
    raw["methods"]["tip_confidence_map"]["weights"] = "entropy"
    plan = make_plan(config.load(raw, "wine"))
    assert list(plan.experiments["wine"].methods) == ["labels_map", "tip_entropy_map"]


def test_the_documented_files_are_those_that_are_written() -> None:
    text = WORKFLOW.read_text()
    for name in (*Dataset.FILES, *Logits.FILES):
        assert name in text
    fields = set(Dataset.__dataclass_fields__) - {"name", "split", "ids", "class_names", "domain_names", "card"}
    assert set(re.findall(r"^\| `(\w+)` \| (?:float|u?int)", text, re.MULTILINE)) == fields
    assert set(artefacts.SPLITS) <= set(re.findall(r"`(train|val|test)`", text))


def test_the_documented_tables_are_those_of_the_evaluation() -> None:
    text = WORKFLOW.read_text()
    for heading, columns in (("**`evaluation/<experiment>/`**", COLUMNS), ("**Kind `exact`**", exact.COLUMNS)):
        section = re.split(r"\n## |\n\*\*(?:`|Kind)", text.split(heading)[1])[0]
        assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == set(columns), heading


def test_every_rule_file_is_documented() -> None:
    named = set(re.findall(r"\((rules/\w+\.smk)\)", WORKFLOW.read_text()))
    assert named == {f"rules/{path.name}" for path in (ROOT / "workflow" / "rules").glob("*.smk")}


def test_the_contract_of_every_kind_of_part_is_documented() -> None:
    section = WORKFLOW.read_text().split("\n## Parts\n")[1]
    rows = dict(re.findall(r"^\| (\w+) \| `(mtbkd/[\w/]+)` \|", section, re.MULTILINE))
    assert set(rows) == set(registry.KINDS)
    for kind, parts in registry.KINDS.items():
        assert all(module.replace(".", "/").startswith(f"{rows[kind]}/") for module in parts.values()), kind
