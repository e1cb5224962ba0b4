"""`mtbkd check`, `fit`, `predict --table` and `list`: a table of one's own, from text to predictions."""

import csv
import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris

import mtbkd
from mtbkd.base import registry
from mtbkd.serving import cli
from mtbkd.serving.bundle import read_card
from tests.teachers.examples import write_as

NAMES = np.array(["setosa", "versicolor", "virginica"])
COLUMNS = ["sepal length", "sepal width", "petal length", "petal width"]
QUICK = ["--method", "tip_entropy_map", "--hidden", "4", "--no-report"]


@cache
def place() -> Path:
    """A folder with table.csv (text classes, ids, some empty labels, a note) and two teachers, in other orders."""
    folder = Path(mkdtemp(prefix="own_table"))
    x, y = load_iris(return_X_y=True)
    frame = pd.DataFrame(x, columns=COLUMNS)
    frame.insert(0, "plant", [f"p{i}" for i in range(len(y))])
    frame["kind"] = np.where(np.arange(len(y)) % 10 == 0, "", NAMES[y])
    frame.to_csv(folder / "table.csv", index=False)
    for seed, name in enumerate(("forest", "boosting")):
        prob = 0.3 * np.random.default_rng(seed).dirichlet(np.ones(3), len(y)) + 0.7 * np.eye(3)[y]
        said = pd.DataFrame(prob / prob.sum(1, keepdims=True), columns=NAMES).assign(id=frame["plant"])
        said.sample(frac=1, random_state=seed)[["virginica", "id", "setosa", "versicolor"]].to_csv(
            folder / f"{name}.csv", index=False
        )
    return folder


def run(*words: object) -> int:
    return cli.main([str(word) for word in words])


def options(*teachers: str) -> list[object]:
    own = place()
    return [own / "table.csv", "--label", "kind", "--id", "plant", "--teachers", *(own / f"{name}.csv" for name in teachers)]


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fit") / "student"
    assert run("fit", *options("forest", "boosting"), "--out", folder, *QUICK, "--quiet") == 0
    return folder


def test_check_says_what_would_be_read(capsys: pytest.CaptureFixture):
    assert run("check", *options("forest", "boosting")) == 0
    told = capsys.readouterr().out
    assert "150 rows, ids: column 'plant'" in told and "features, 4: sepal length, " in told
    assert "classes, 3: setosa 45, versicolor 45, virginica 45; without label 15" in told
    assert "rows: train 96, val 27, test 27" in told
    assert "teacher forest: covers train 96 of 96, val 27 of 27, test 27 of 27; accuracy: train 100.0%" in told


def test_check_fit_and_estimator_doubt_teachers_whose_word_is_in_the_wrong_place(tmp_path: Path, capsys: pytest.CaptureFixture):
    frame, rng = pd.read_csv(place() / "forest.csv"), np.random.default_rng(1)
    y = pd.read_csv(place() / "table.csv").set_index("plant").loc[frame["id"]].kind
    wrong = rng.choice(np.flatnonzero(y.notna()), 8, replace=False)
    frame.iloc[wrong, [0, 2, 3]] = 1 / 3 + rng.normal(0, 0.01, (8, 1)) * [1, -1, 0]  # or it would be right on every row
    frame.to_csv(tmp_path / "good.csv", index=False)
    frame.assign(id=frame["id"].sample(frac=1, random_state=0).to_numpy()).to_csv(tmp_path / "shuffled.csv", index=False)
    turned = frame.rename(columns={"setosa": "versicolor", "versicolor": "virginica", "virginica": "setosa"})
    turned.to_csv(tmp_path / "turned.csv", index=False)
    frame.to_csv(tmp_path / "twin.csv", index=False)
    told = {
        "shuffled": "Accuracy at chance on 135 labelled rows", "turned": "Class columns look permuted: column "
        "setosa holds virginica, column versicolor holds setosa, column virginica holds versicolor",
        "forest": "Accuracy 1 on all 135 labelled rows",
    }  # fmt: skip
    files = [tmp_path / f"{name}.csv" for name in ("good", "shuffled", "turned", "twin")]
    given = [*options("forest"), *files]
    assert run("check", *given) == 0
    checked = capsys.readouterr().out
    student = tmp_path / "student"
    assert run("fit", *given, "--out", student, *QUICK) == 0
    fitted = capsys.readouterr().err
    assert all(line in fitted and fitted.count(line) == 1 for line in checked.splitlines() if "suspicious" in line)
    doubts = mtbkd.load(student).doubts_
    for name, words in told.items():
        assert f"suspicious: teacher {name}: {words}" in checked and f"suspicious: teacher {name}: {words}" in fitted
        assert [doubt.startswith(f"Teacher {name}: {words}") for doubt in doubts].count(True) == 1
    both = "Teachers good and twin give the same predictions: is one a copy of the other?"
    assert f"suspicious: {both}" in checked and f"suspicious: {both}" in fitted and both in doubts
    assert not any("Teacher good:" in doubt for doubt in doubts)


def test_a_role_that_is_not_found_is_no_mistake_of_the_column_that_was_meant(capsys: pytest.CaptureFixture):
    assert run("check", place() / "table.csv", "--label", "kind", "--id", "plamt") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "no 'plamt'" in line and "did you mean 'plant'?" in line


def test_check_loads_nothing_that_takes_seconds():
    code = "import sys; from mtbkd.serving import cli; status = cli.main(sys.argv[1:]); print('torch' in sys.modules, status)"
    words = [sys.executable, "-c", code, "check", *map(str, options("forest", "boosting"))]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()[-1] == "False 0"


def test_check_names_all_mistakes_at_once(tmp_path: Path, capsys: pytest.CaptureFixture):
    lines = (place() / "forest.csv").read_text().splitlines()
    (tmp_path / "short.csv").write_text("\n".join(lines[:100]))
    (tmp_path / "named.csv").write_text("\n".join([lines[0].replace("setosa", "rose"), *lines[1:]]))
    same = ["id,setosa,versicolor,virginica", *(f"p{i},0.2,0.3,0.5" for i in range(150))]
    (tmp_path / "same.csv").write_text("\n".join(same))
    assert (
        run("check", *options(), tmp_path / "short.csv", tmp_path / "named.csv", tmp_path / "none.csv", tmp_path / "same.csv")
        == 1
    )
    said = capsys.readouterr()
    lines = said.err.strip().splitlines()
    assert len(lines) == 3, lines
    assert "ids of 'train' missing" in lines[0] and "no 'setosa'" in lines[1] and "none.csv" in lines[2]
    assert "suspicious: teacher same: Constant: the same prediction for every row." in said.out


@pytest.mark.parametrize("ending", ["csv", "parquet", "npz", "safetensors", "npy"])
def test_check_reads_teachers_in_every_format(tmp_path: Path, capsys: pytest.CaptureFixture, ending: str):
    """Here with a specialist, whose ids stand in a column of another name where the format has columns."""
    ids, prob = np.array([f"p{i}" for i in range(150)]), np.full((150, 3), 0.005)
    prob[np.arange(150), load_iris().target] = 0.99
    prob = prob if ending == "npy" else prob[:, :2] / prob[:, :2].sum(1, keepdims=True)
    write_as(ending, tmp_path / f"t.{ending}", ids, prob, NAMES[: prob.shape[1]].tolist(), "plant")
    more = ["--teacher-id", "plant"] if ending in ("csv", "parquet") else []
    assert run("check", *options(), tmp_path / f"t.{ending}", "--missing-class", "floor", "--floor", "0.01", *more) == 0
    told = capsys.readouterr().out
    assert "teacher t: covers train 96 of 96" in told and "raised to the floor 0.01" in told
    assert ("no column for virginica: probability 0.01" in told) == (ending != "npy")


def test_check_names_every_mistake_of_every_file(tmp_path: Path, capsys: pytest.CaptureFixture):
    """One mistake hides no other, of another column, row or file."""
    rows = list(csv.reader((place() / "table.csv").open()))
    rows[1][0], rows[5][1], rows[7][2], rows[9][3], rows[11][5] = rows[2][0], "x", "", "inf", "NA"
    table = write(tmp_path / "bad.csv", rows[0], *rows[1:])
    said = list(csv.reader((place() / "forest.csv").open()))
    said[0][0], said[3][1], said[5][2] = "rose", said[4][1], "?"
    (tmp_path / "bad_forest.csv").write_text("\n".join(map(",".join, said)))
    files = [tmp_path / "bad_forest.csv", tmp_path / "none.csv"]
    assert run("check", table, "--label", "kind", "--id", "plant", "--teachers", *files) == 1
    lines = capsys.readouterr().err.splitlines()
    told = ["column 'kind': found 'NA'", "1 repeated ids: 'p1'", "line 6, column 'sepal length': found 'x'",
            "line 10, column 'petal length': found 'inf'", "column 'sepal width': found 1 missing values", "1 repeated ids: '",
            "column 'setosa': found '?'", "none.csv"]  # fmt: skip
    assert len(lines) == len(told) and all(words in line for words, line in zip(told, lines, strict=True)), lines
    assert run("check", *options(), *files, "--floor", "2", "--separator", "ab") == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 5 and "floor: found 2" in lines[0] and "--separator: found 'ab'" in lines[1], lines
    given = [*options(), tmp_path / "bad_forest.csv"]
    assert run("check", *given) == 1
    lines = capsys.readouterr().err.splitlines()
    told = ["1 repeated ids: '", "column 'setosa': found '?'", "no 'virginica' among rose", "1 ids of '"]
    assert len(lines) == len(told) and all(words in line for words, line in zip(told, lines, strict=True)), lines


def test_fit_writes_a_student_and_its_page(tmp_path: Path, capsys: pytest.CaptureFixture):
    given = [*options("forest", "boosting"), "--out", tmp_path / "student", *QUICK]
    given.remove("--no-report")
    assert run("fit", *given) == 0
    told = capsys.readouterr().err
    assert "method tip_entropy_map: as in config.yaml" in told and "test accuracy " in told
    card = read_card(tmp_path / "student" / "card.json")
    assert card.inputs.names == tuple(COLUMNS) and card.class_names == tuple(NAMES) and card.scores["test"]["accuracy"] > 0.8
    assert card.risk[-1].n == card.data["counts"]["test"] and {point.test_coverage for point in card.risk} == {None}
    page = (tmp_path / "student" / "report.html").read_text()
    assert "your_student" in page and "forest" in page and "tip_entropy_map" in page and page.rstrip().endswith("</html>")
    assert run("fit", *given) == 1
    assert "which exists; expected a new folder" in capsys.readouterr().err


@pytest.mark.parametrize("ending", ["csv", "json", "parquet"])
def test_predict_finds_columns_by_name(student: Path, tmp_path: Path, ending: str):
    x, y = load_iris(return_X_y=True)
    rows = pd.DataFrame(x, columns=COLUMNS).assign(note="n", name=[f"q{i}" for i in range(150)])[
        ["note", *COLUMNS[::-1], "name"]
    ]
    rows.to_csv(tmp_path / "new.csv", index=False)
    out = tmp_path / f"out.{ending}"
    assert run("predict", "--student", student, "--table", tmp_path / "new.csv", "--id", "name", "--out", out, "--quiet") == 0
    if ending == "csv":
        found = pd.read_csv(out)
    elif ending == "parquet":
        found = pd.read_parquet(out)
    else:
        content = json.loads(out.read_text())
        found = pd.DataFrame(content["rows"])
        found[[f"prob_{name}" for name in NAMES]] = [[each[name]["prob"] for name in NAMES] for each in found["classes"]]
    expected = mtbkd.load(student).predict_proba(pd.DataFrame(x, columns=COLUMNS))
    np.testing.assert_allclose(found[[f"prob_{name}" for name in NAMES]], expected, atol=1e-6)
    assert found["id"].tolist() == rows["name"].tolist() and "length" not in found
    assert (found["predicted"] == NAMES[y]).mean() > 0.8


def test_predict_writes_the_sets_that_were_promised(student: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    """The sets are those of predict_set; each form of file has them; what the student cannot promise is refused."""
    rows, out = pd.DataFrame(load_iris().data, columns=COLUMNS), tmp_path / "out.csv"
    rows.to_csv(tmp_path / "new.csv", index=False)
    given = ("predict", "--student", student, "--table", tmp_path / "new.csv", "--out")
    assert run(*given, out, "--set", "aps", "--coverage", 0.8) == 0
    assert "sets of kind aps hold the class of 80% or more" in capsys.readouterr().err
    inside = mtbkd.load(student).predict_set(rows, 0.8, kind="aps")
    expected = ["; ".join(NAMES[row]) for row in inside]
    assert pd.read_csv(out)["set"].tolist() == expected
    assert run(*given, tmp_path / "out.json", "--set", "aps", "--coverage", 0.8) == 0
    content = json.loads((tmp_path / "out.json").read_text())
    assert ["; ".join(row["set"]) for row in content["rows"]] == expected and content["set"]["coverage"] == 0.8
    capsys.readouterr()
    for more, told in ((["--coverage", 0.8], "--set threshold, aps or raps beside it"),
                       (["--set", "aps", "--coverage", 0.85], "found 0.85; expected one of 0.8, 0.9")):  # fmt: skip
        assert run(*given, out, *more) == 1 and told in capsys.readouterr().err


def test_new_rows_are_called_by_the_id_column_of_training(student: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    new = pd.read_csv(place() / "table.csv").iloc[::40].drop(columns="kind")
    new.to_csv(tmp_path / "new.csv", index=False)
    assert run("predict", "--student", student, "--table", tmp_path / "new.csv", "--out", tmp_path / "out.csv") == 0
    assert pd.read_csv(tmp_path / "out.csv")["id"].tolist() == new["plant"].tolist() == ["p0", "p40", "p80", "p120"]
    assert "4 rows, 4 columns, ids: column 'plant'" in capsys.readouterr().err
    new.drop(columns="plant").to_csv(tmp_path / "bare.csv", index=False)
    assert run("predict", "--student", student, "--table", tmp_path / "bare.csv", "--out", tmp_path / "bare_out.csv") == 0
    assert pd.read_csv(tmp_path / "bare_out.csv")["id"].tolist() == [0, 1, 2, 3]


def test_a_parquet_table_says_what_the_csv_says(student: Path, tmp_path: Path):
    rows = pd.DataFrame(load_iris().data, columns=COLUMNS)
    rows.to_csv(tmp_path / "new.csv", index=False)
    rows.to_parquet(tmp_path / "new.parquet")
    for name in ("csv", "parquet"):
        table, out = tmp_path / f"new.{name}", tmp_path / f"{name}.csv"
        assert run("predict", "--student", student, "--table", table, "--out", out, "--quiet") == 0
    assert (tmp_path / "csv.csv").read_text() == (tmp_path / "parquet.csv").read_text()


def test_a_class_that_a_list_of_classes_would_divide_stands_in_quotes(tmp_path: Path):
    """Or the set of "a", "a; b" and the set of "a", "a", "b" would be one text."""
    table = pd.read_csv(place() / "table.csv")
    table["kind"] = table["kind"].map(dict(zip(NAMES, ["a", "a; b", "c"], strict=True)))
    table.to_csv(tmp_path / "table.csv", index=False)
    given = ["--label", "kind", "--id", "plant", "--method", "labels_map", "--no-report", "--quiet"]
    assert run("fit", tmp_path / "table.csv", *given, "--out", tmp_path / "student") == 0
    table.to_csv(tmp_path / "new.csv", index=False)
    given = ["--student", tmp_path / "student", "--table", tmp_path / "new.csv", "--set", "raps", "--coverage", "0.95"]
    for name in ("out.csv", "out.json"):
        assert run("predict", *given, "--out", tmp_path / name, "--quiet") == 0
    sets = [row["set"] for row in json.loads((tmp_path / "out.json").read_text())["rows"]]
    found = pd.read_csv(tmp_path / "out.csv")["set"].tolist()
    assert found == ["; ".join('"a; b"' if each == "a; b" else each for each in own) for own in sets] and '"a; b"' in found


def test_ids_may_be_the_index_of_a_parquet_table(student: Path, tmp_path: Path):
    rows = pd.DataFrame(load_iris().data[:3], pd.Index(["p7", "p8", "p9"], name="plant"), COLUMNS)
    rows.to_parquet(tmp_path / "new.parquet")
    assert run("predict", "--student", student, "--table", tmp_path / "new.parquet", "--out", tmp_path / "out.csv") == 0
    assert pd.read_csv(tmp_path / "out.csv")["id"].tolist() == ["p7", "p8", "p9"]


def test_a_missing_nullable_number_of_a_parquet_table_is_named(
    student: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):  # fmt: skip
    rows = pd.DataFrame(load_iris().data[:3], columns=COLUMNS).astype("Float64")
    rows.loc[1, "petal length"] = pd.NA
    rows.to_parquet(tmp_path / "new.parquet")
    assert run("predict", "--student", student, "--table", tmp_path / "new.parquet", "--out", tmp_path / "out.csv") == 1
    assert "line 2, column 'petal length': found a missing value" in capsys.readouterr().err


def write(path: Path, header: list[str], *rows: list[object]) -> Path:
    with open(path, "w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows([header, *rows])
    return path


@pytest.mark.parametrize(
    ("header", "row", "more", "told"),
    [
        (COLUMNS[:3], [1, 2, 3], [], "no 'petal width' among sepal length"),
        ([*COLUMNS[:3], "petal widht"], [1, 2, 3, 4], [], "did you mean 'petal widht'?"),
        (COLUMNS, [1, 2, "", 4], [], "line 2, column 'petal length': found a missing value"),
        (COLUMNS, [1, 2, "x", 4], [], "line 2, column 'petal length': found 'x'"),
        (COLUMNS, [1, 2, 3, 4], ["--id", "name"], "no 'name' among"),
        (COLUMNS, [1, 2, 3, 4], ["--skip-invalid"], "--skip-invalid: option: found no file that it is for"),
        (COLUMNS, [1, 2, 3, 4], ["--risk", "0.001"], "validation cannot promise less, however few examples"),
        (COLUMNS, [1, 2, 3, 4], ["--study", "x"], "beside --student"),
    ],
)
def test_a_mistake_in_new_rows_is_one_line(
    student: Path, tmp_path: Path, capsys: pytest.CaptureFixture, header: list, row: list, more: list, told: str
):
    table = write(tmp_path / "new.csv", header, row)
    assert run("predict", "--student", student, "--table", table, "--out", tmp_path / "o.csv", *more) == 1
    said = capsys.readouterr().err.strip()
    assert told in said and "\n" not in said and not (tmp_path / "o.csv").exists()


def test_new_rows_are_filled_as_in_training(tmp_path: Path):
    rows = list(csv.reader((place() / "table.csv").open()))
    rows[5][2] = ""
    table = write(tmp_path / "holes.csv", rows[0], *rows[1:])
    given = [table, "--label", "kind", "--id", "plant", "--impute", "median", "--out", tmp_path / "student"]
    assert run("fit", *given, "--method", "labels_map", "--hidden", "4", "--no-report", "--quiet") == 0
    known = read_card(tmp_path / "student" / "card.json").data["imputation"]["values"]
    assert set(known) == {"sepal width"}
    for name, cell in (("hole", ""), ("filled", known["sepal width"])):
        new = write(tmp_path / f"{name}.csv", COLUMNS, [5, cell, 1, 0.2], [6, 3, 5, 2])
        out = tmp_path / f"out_{name}.csv"
        assert run("predict", "--student", tmp_path / "student", "--table", new, "--out", out, "--quiet") == 0
    assert (tmp_path / "out_hole.csv").read_text() == (tmp_path / "out_filled.csv").read_text()


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--label", "sort"], "no 'sort' among"),
        (["--features", "sepal length", "kind"], "kind repeated"),
        (["--method", "tip_entropy_mop"], "did you mean 'tip_entropy_map'?"),
        (["--student", "mlpp"], "did you mean 'mlp'?"),
        (["--splits", "none.csv"], "none.csv"),
        (["--separator", ";"], "a comma between cells"),
        (["--separator", "ab"], "--separator"),
    ],
)
def test_a_mistake_in_a_fit_is_one_line_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture, more: list[str], told: str
):
    given = options("forest", "boosting")
    if "--label" in more:
        del given[1:3]
    assert run("fit", *given, "--out", tmp_path / "student", "--quiet", *more) == 1
    said = capsys.readouterr().err.strip()
    assert told in said and "\n" not in said and not (tmp_path / "student").exists()


def test_rows_drawn_by_split_are_the_rows_of_the_fit(tmp_path: Path):
    splits = tmp_path / "splits.csv"
    assert run("split", place() / "table.csv", "--label", "kind", "--id", "plant", "--seed", "3", "--out", splits) == 0
    given = [place() / "table.csv", "--label", "kind", "--id", "plant", "--splits", splits, "--out", tmp_path / "student"]
    assert run("fit", *given, "--method", "labels_map", "--hidden", "4", "--no-report", "--quiet") == 0
    assert mtbkd.load(tmp_path / "student").split_.tolist() == [row["split"] for row in csv.DictReader(splits.open())]


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("datasets", registry.DATASETS), ("teachers", registry.TEACHERS), ("students", registry.STUDENTS),
        ("signals", registry.SIGNALS), ("weights", registry.WEIGHTS), ("inference", registry.INFERENCE),
        ("figures", registry.FIGURES), ("methods", ["tip_entropy_sgld", "labels_map"]), ("studies", ["smoke", "demo"]),
    ],
)  # fmt: skip
def test_list_names_everything_with_a_sentence(capsys: pytest.CaptureFixture, what: str, names):
    assert run("list", what) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines} >= set(names)
    assert all(len(line.split()) > 1 for line in lines)
