"""Studies as files: found by themselves, each with what only it uses, and no name in two places."""

from pathlib import Path

import pytest
import yaml

from mtbkd.base.errors import ConfigError
from mtbkd.study import config
from mtbkd.study.plan import make_plan
from mtbkd.study.study_files import SECTIONS, STUDIES, read_configuration, study_files

ROOT = Path(__file__).parents[2]
FILE = ROOT / "config.yaml"


def read(tmp_path: Path, main: str, **studies: str) -> dict:
    (tmp_path / "config.yaml").write_text(main)
    for name, text in studies.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    return read_configuration([], tmp_path / "config.yaml", [tmp_path / f"{name}.yaml" for name in studies])


def test_a_study_file_adds_a_study_and_its_entries(tmp_path: Path) -> None:
    found = read(tmp_path, "study: mine\ndatasets: {a: {}}\n", mine="datasets: {b: {}}\nstudies: {mine: {replicates: 2}}\n")
    assert found == {"study": "mine", "datasets": {"a": {}, "b": {}}, "studies": {"mine": {"replicates": 2}}}


def test_what_is_read_over_the_shared_configuration_wins_and_itself_counts_once(tmp_path: Path) -> None:
    over = tmp_path / "over.yaml"
    over.write_text("seed: 3\nmethods: {labels_map: {note: mine}}\n")
    found = read_configuration([FILE, over])
    assert found["seed"] == 3 and found["methods"]["labels_map"] == {"signal": "none", "inference": "map", "note": "mine"}
    assert read_configuration([FILE]) == read_configuration()


def test_a_name_in_two_files_is_refused_with_both_places(tmp_path: Path) -> None:
    one, method = "datasets:\n\n  a: {}\n", "methods: {m: {}}\n"
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, "study: one\ndatasets:\n  a: {}\n", one=one, two=method, three=method)
    first, second = str(caught.value).splitlines()
    assert f"datasets.a: found in two places, {tmp_path}/config.yaml, line 3 and {tmp_path}/one.yaml, line 3; allowed" in first
    assert f"methods.m: found in two places, {tmp_path}/two.yaml, line 1 and {tmp_path}/three.yaml, line 1" in second


def test_what_does_not_belong_in_a_study_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, "study: one\n", one="seed: 3\nstudies:\n  two: {}\n")
    first, second = str(caught.value).splitlines()
    assert "one.yaml: line 1: found the key 'seed'; allowed in a study's file: datasets, teachers" in first
    assert "one.yaml: line 3: found the study 'two'; allowed: 'one', the file's name. Hint: rename one, or move" in second


def test_the_shipped_configuration_is_short_and_its_studies_hold_what_only_they_use() -> None:
    """An entry of a study's file that another study names belongs in config.yaml."""
    assert len(FILE.read_text().splitlines()) < 150
    loaded = config.load(read_configuration())
    assert {path.stem for path in study_files()} == set(loaded.studies)
    used = {name: _used(loaded, name) for name in loaded.studies}
    for path in study_files():
        content = yaml.safe_load(path.read_text())
        entries = {(section, entry) for section in SECTIONS[:-1] for entry in content.get(section, {})}
        for other in set(loaded.studies) - {path.stem}:
            assert not entries & used[other], f"{other} uses {entries & used[other]} of {path.stem}"


def _used(loaded: config.Config, study: str) -> set[tuple[str, str]]:
    plan = make_plan(loaded, study)
    found = {("datasets", each.name) for each in plan.datasets.values()}
    found |= {("teachers", each.name) for each in plan.teachers.values()}
    for experiment in plan.experiments.values():
        found |= {("students", experiment.student)} | {("methods", method) for method in experiment.methods}
    return found


def test_studies_lie_where_the_workflow_finds_them() -> None:
    assert STUDIES == ROOT / "workflow" / "studies" and (STUDIES / "demo.yaml").exists()
