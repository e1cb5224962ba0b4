"""`mtbkd split`: the file that it writes is the split that the dataset then has."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest

from mtbkd.base.errors import ContractError
from mtbkd.data.datasets import table
from mtbkd.serving import cli

N = 100


@pytest.fixture
def path(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    rows = [
        f"p{i},{rng.normal():.3f},{'ab'[i % 4 == 0]},{'' if i >= 90 else 'xyz'[i % 3]},g{i % 11 if i < 90 else i}"
        for i in range(N)
    ]
    (tmp_path / "mine.csv").write_text("\n".join(["name,height,sex,kind,patient", *rows]))
    return tmp_path / "mine.csv"


def split(path: Path, *more: str, out: str = "splits.csv") -> int:
    return cli.main(["split", str(path), "--label", "kind", "--out", str(path.with_name(out)), *more])


def written(path: Path) -> dict[str, str]:
    with open(path.with_name("splits.csv"), newline="") as handle:
        return {row["id"]: row["split"] for row in csv.DictReader(handle)}


def read(path: Path, **settings):
    chosen = {"label": "kind", "features": ("height",), "splits": str(path.with_name("splits.csv"))} | settings
    return table.prepare("mine", table.Settings(path=str(path), **chosen), 1, range(1), Path("unused"))


@pytest.mark.parametrize("more", [(), ("--id", "name"), ("--id", "name", "--group", "patient"), ("--seed", "9")], ids=str)
def test_the_dataset_has_the_splits_that_were_written(path: Path, more: tuple[str, ...]) -> None:
    assert split(path, *more) == 0
    dataset = read(path, id="name" if "--id" in more else None)
    assert dict(zip(dataset.ids.tolist(), dataset.split.tolist(), strict=True)) == written(path)
    assert (dataset.split[dataset.y[0] < 0] == "train").all()
    for name, share in table.SPLIT_SHARES.items():
        labelled = (dataset.split == name) & (dataset.y[0] >= 0)
        assert labelled.sum() == pytest.approx(90 * share, abs=9)
        assert len(set(dataset.y[0, labelled])) == 3


def test_no_group_stands_in_two_splits(path: Path) -> None:
    split(path, "--id", "name", "--group", "patient")
    rows = list(csv.DictReader(path.open()))
    of = written(path)
    splits = {group: {of[row["name"]] for row in rows if row["patient"] == group} for group in {row["patient"] for row in rows}}
    assert all(len(each) == 1 for each in splits.values())
    assert set(of.values()) == {"train", "val", "test"}


def test_a_split_that_exists_is_not_drawn_again(path: Path, capsys: pytest.CaptureFixture) -> None:
    assert split(path) == 0
    before = written(path)
    assert split(path, "--seed", "1") == 1
    assert "teachers may have been trained on that split" in capsys.readouterr().err and written(path) == before


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--id", "nam"), "no 'nam'.*did you mean 'name'"),
        (("--id", "kind"), "unique entries"),
        (("--id", "sex"), "2 repeated ids: 'b' on lines 2, 6"),
        (("--group", "none"), "no 'none'"),
        (("--group", "sex"), "groups of labelled and unlabelled rows"),
        (("--separator", ";;"), "--separator: found ';;'"),
        (("--encoding", "klingon"), "--encoding: found 'klingon'"),
    ],
    ids=lambda each: each if isinstance(each, str) else " ".join(each),
)
def test_mistakes_are_one_line(path: Path, more: tuple[str, ...], message: str, capsys: pytest.CaptureFixture) -> None:
    assert split(path, *more) == 1
    told = capsys.readouterr().err
    assert told.startswith("mtbkd: error: ") and len(told.splitlines()) == 1 and re.search(message, told), told
    assert not path.with_name("splits.csv").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("p7,", "p07,"), "1 ids of the table are missing: 'p7'"),
        (lambda text: text + "p100,train\n", "1 ids that are not in the table: 'p100'"),
        (lambda text: text + "p7,train\n", "1 repeated ids: 'p7'"),
        (lambda text: text.replace(",train", ",Train", 1), "line [0-9]+, column 'split': found 'Train'.*did you mean 'train'"),
        (lambda text: text.replace("id,", "name,"), "no 'id'"),
    ],
)
def test_a_split_file_of_another_table_is_refused(path: Path, change, message: str) -> None:
    split(path, "--id", "name")
    file = path.with_name("splits.csv")
    file.write_text(change(file.read_text().replace("\r\n", "\n")))
    with pytest.raises(ContractError, match=message):
        read(path, id="name")


def test_every_class_of_every_domain_has_the_same_shares(path: Path, capsys: pytest.CaptureFixture) -> None:
    assert split(path, "--id", "name", "--domain", "sex") == 0
    assert "domain a: train " in capsys.readouterr().out
    of, rows = written(path), [row for row in csv.DictReader(path.open()) if row["kind"]]
    for sex, kind in {(row["sex"], row["kind"]) for row in rows}:
        inside = [of[row["name"]] for row in rows if (row["sex"], row["kind"]) == (sex, kind)]
        for name, share in table.SPLIT_SHARES.items():
            assert abs(inside.count(name) - share * len(inside)) <= 1


@pytest.mark.parametrize("more", [(), ("--group", "patient")], ids=str)
def test_domains_that_are_held_out_are_splits_of_their_own(path: Path, more: tuple[str, ...]) -> None:
    rows = list(csv.DictReader(path.open()))
    for row in rows:
        row["patient"] += row["sex"]  # no patient in both domains
    with path.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    assert split(path, "--id", "name", "--domain", "sex", "--held-out", "b", *more) == 0
    of = written(path)
    assert {of[row["name"]] for row in rows if row["sex"] == "b"} == {"ood:b"}
    assert {of[row["name"]] for row in rows if row["sex"] == "a"} == {"train", "val", "test"}
    if more:
        assert all(len({of[r["name"]] for r in rows if r["patient"] == group}) == 1 for group in {r["patient"] for r in rows})
    dataset = read(path, id="name")
    assert dict(zip(dataset.ids.tolist(), dataset.split.tolist(), strict=True)) == of


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--held-out", "b"), "--held-out: option: found no --domain"),
        (("--domain", "sex", "--held-out", "c"), "--held-out: domain: found 'c'; expected a, b"),
        (("--domain", "sex", "--held-out", "a", "b"), "found all of them; expected fewer"),
        (("--domain", "sex", "--held-out", "b", "--group", "patient"), "groups inside and outside of held-out domains"),
        (("--domain", "kind"), "kind repeated"),
        (("--domain", "patient", "--group", "patient"), "'patient' in two roles"),
        (("--domain", "sort"), "no 'sort' among"),
    ],
)
def test_a_mistake_in_domains_is_one_line(path: Path, capsys: pytest.CaptureFixture, more: tuple[str, ...], told: str) -> None:
    assert split(path, *more) == 1
    said = capsys.readouterr().err.strip()
    assert told in said and "\n" not in said and not path.with_name("splits.csv").exists()
