"""The study as typed, frozen models: the one truth about what config.yaml may hold.

``load`` checks everything before any job starts and names every mistake at once; ``Config.plan`` resolves a study into
what the workflow needs. ``python -m mtbkd.config check config.yaml`` and ``... schema`` do the same from a shell.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from mtbkd import likeness, registry
from mtbkd.analyses.spec import Analysis
from mtbkd.artefacts import write_json
from mtbkd.bounds import Names, Note, Replicates, Seed
from mtbkd.checks import fit_mistakes, memory_remarks
from mtbkd.curves.spec import Curve
from mtbkd.errors import ConfigError
from mtbkd.exact.spec import Exact
from mtbkd.explain import NAME, KeyPath, Mistake, choice, clean, distinct, refusal, unreadable, validate
from mtbkd.fitting import Output
from mtbkd.grids import UNSET_POSTERIOR, Posterior, as_tuple
from mtbkd.optimise import Training
from mtbkd.plan import Plan, make_plan
from mtbkd.search.spec import StudentSearch, TeacherSearch
from mtbkd.study_files import read_configuration

SCHEMA = Path(__file__).parent.parent / "workflow" / "schemas" / "config.schema.json"

# Per section: (kind of part, key of its name, key of its settings) of every part that an entry names.
Part = tuple[str, str, str | None]
PARTS: dict[str, tuple[Part, ...]] = {
    "datasets": (("dataset", "kind", "settings"),),
    "teachers": (("teacher", "family", "settings"),),
    "students": (("student", "architecture", "settings"),),
    "methods": (
        ("signal", "signal", "signal_settings"),
        ("weights", "weights", None),
        ("inference", "inference", "settings"),
    ),
}
# The same for the analyses of a study.
ANALYSIS_PARTS = (("analysis", "kind", "settings"),)

Name = Annotated[str, StringConstraints(pattern=NAME)]
Level = Annotated[float, Field(gt=0, lt=1)]


# A method may have another name in each paper's table.
Columns = Annotated[
    Names,
    BeforeValidator(as_tuple, json_schema_input_type=str | Annotated[list[str], Field(min_length=1)]),
]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)


# Nothing overridden: what a level that is silent adds to the level above.
UNSET_TRAINING = Training.model_validate({})
UNSET_OUTPUT = Output.model_validate({})


class DatasetEntry(_Model):
    """A dataset: a module of mtbkd/datasets with its settings."""

    kind: str = Field(description="a module of mtbkd/datasets")
    settings: dict[str, Any] = Field({}, description="the Settings of that module")


class TeacherEntry(_Model):
    """A teacher: a module of mtbkd/teachers with its settings and the domain it mostly sees."""

    family: str = Field(description="a module of mtbkd/teachers")
    domain: str | None = Field(None, description="the domain it mostly sees; every domain when left out")
    settings: dict[str, Any] = Field({}, description="the Settings of that module")


class StudentEntry(_Model):
    """A student: a module of mtbkd/students with its settings."""

    architecture: str = Field(description="a module of mtbkd/students")
    settings: dict[str, Any] = Field({}, description="the Settings of that module")


class MethodEntry(_Model):
    """A method: signal x weights x inference."""

    signal: str = Field(description="how teachers enter the posterior: a module of mtbkd/signals")
    signal_settings: dict[str, Any] = Field({}, description="the Settings of the signal's module")
    weights: str | None = Field(None, description="where the signal needs them: a module of mtbkd/pooling")
    inference: str = Field(description="a module of mtbkd/inference")
    settings: dict[str, Any] = Field({}, description="the Settings of the inference's module")
    posterior: Posterior = Field(UNSET_POSTERIOR, description="replaces the shared settings, key by key")
    tuned_by: str | None = Field(
        None,
        description="an entry of methods whose inference fits experiments' candidates of shared settings; MAP when left out",
    )
    layers: Literal["all", "last"] = Field(
        "all", description="last: draw the last layer alone, the others staying at a MAP fit: for large students"
    )
    stack_chains: bool = Field(
        False, description="weight the chains by leave-one-out instead of pooling them: for chains in different modes"
    )
    note: Note = Field("", description="what a reader of the page should know of it, shown beside its name")
    published: Columns = Field(
        (), description="columns of published tables that hold this method; those of the experiment's table count"
    )


class Experiment(_Model):
    """Methods compared on one dataset with one set of teachers and one student."""

    dataset: str = Field(description="an entry of datasets")
    teachers: Names = Field(min_length=1, description="entries of teachers")
    student: str = Field(description="an entry of students")
    methods: Names = Field(min_length=1, description="entries of methods")
    published: str | None = Field(None, description="numbers to set beside ours: a table of mtbkd/published")
    replicates: Replicates | None = Field(None, description="in place of the study's")
    posterior: Posterior = Field(UNSET_POSTERIOR, description="replaces the study's, key by key")
    training: Training = Field(UNSET_TRAINING, description="replaces the study's, key by key")


class Study(_Model):
    """Experiments that are run and reported together."""

    description: str = Field("", description="one sentence for the report")
    replicates: Replicates = Field(
        1,
        description="simulations redraw data and teachers, tables of mlbench and scikit are split anew; other data vary the "
        "student's seeds",
    )
    block_size: Replicates = Field(8, description="replicates fitted together in one job")
    levels: Annotated[tuple[Level, ...], AfterValidator(distinct)] = Field(
        (0.9,), min_length=1, max_length=20, description="credible levels in tables and figures"
    )
    posterior: Posterior = Field(UNSET_POSTERIOR, description="replaces the shared settings, key by key")
    training: Training = Field(UNSET_TRAINING, description="replaces the shared settings, key by key")
    output: Output = Field(UNSET_OUTPUT, description="replaces the shared settings, key by key")
    exact: Exact | None = Field(None, description="methods to judge against posteriors that are known exactly")
    teacher_search: dict[Name, TeacherSearch] = Field({}, description="settings of teachers that a paper does not print, tried")
    student_search: dict[Name, StudentSearch] = Field({}, description="the same of students and their teachers together")
    curves: dict[Name, Curve] = Field({}, description="methods at growing numbers of labels, by name")
    analyses: dict[Name, Analysis] = Field({}, description="questions asked besides the experiments, by name")
    experiments: dict[Name, Experiment] = Field(min_length=1, description="what is compared, by name")


class Config(_Model):
    """config.yaml: what exists (datasets, teachers, students, methods) and what to run (studies)."""

    study: str = Field(description="the study to run: an entry of studies")
    seed: Seed = Field(0, description="base of every seed")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: CUDA when there is one")
    posterior: Posterior = Field(UNSET_POSTERIOR, description="shared by all methods")
    training: Training = Field(UNSET_TRAINING, description="shared by all methods")
    output: Output = Field(UNSET_OUTPUT, description="what is kept of the draws")
    datasets: dict[Name, DatasetEntry] = Field(description="datasets by name")
    teachers: dict[Name, TeacherEntry] = Field(description="teachers by name")
    students: dict[Name, StudentEntry] = Field(description="students by name")
    methods: dict[Name, MethodEntry] = Field(description="methods by name")
    studies: dict[Name, Study] = Field(min_length=1, description="studies by name")

    def plan(self, study: str | None = None) -> Plan:
        """What the workflow needs to run ``study``, by default the chosen one; ConfigError where there is none."""
        return make_plan(self, self.study if study is None else study)


def load(raw: Any, study: str | None = None, import_estimators: bool = False) -> Config:
    """Check the whole content of config.yaml and return it typed.

    Args:
        raw: what a YAML reader made of the file.
        study: takes the place of the file's ``study``.
        import_estimators: import what teachers of the study name, to check it; it takes seconds and may run a user's code.

    Raises:
        ConfigError: with one line for every mistake: the key's path, what was found, what is allowed, a hint.
    """
    if broken := unreadable(raw):
        raise refusal(broken)
    content = clean(raw)
    if study is not None and isinstance(content, dict):
        content["study"] = study
    written = content
    content, unlike = likeness.resolve(content)
    config, mistakes = validate(Config, content, schema=schema)
    if isinstance(content, dict):
        mistakes += unlike + _part_mistakes(content)
        rest = _sound_rest(content, mistakes) if mistakes else config
        if rest is not None:
            declared = {section: list(content[section]) for section in (*PARTS, "studies")}
            mistakes += fit_mistakes(rest, declared, import_estimators)
    if mistakes := likeness.own(mistakes, written, unlike):
        raise refusal(mistakes)
    assert config is not None
    return config


def _part_mistakes(content: dict[str, Any]) -> list[Mistake]:
    """Names of parts that do not exist, and settings that a part does not take; used by a study or not."""
    mistakes = []
    for path, entry, parts in _entries_with_parts(content):
        for kind, name_key, settings_key in parts:
            part = entry.get(name_key)
            if not isinstance(part, str):
                continue
            if part not in registry.KINDS[kind]:
                mistakes.append(Mistake((*path, name_key), choice(part, registry.KINDS[kind])))
            elif settings_key and isinstance(settings := entry.get(settings_key, {}), dict):
                mistakes += validate(registry.part(kind, part).Settings, settings, (*path, settings_key))[1]
    return mistakes


def _entries_with_parts(content: dict[str, Any]) -> Iterator[tuple[KeyPath, dict[str, Any], tuple[Part, ...]]]:
    """(path, entry, its parts) of every entry that names parts, as far as the content has the right form."""
    studies = content.get("studies")
    places: list[tuple[KeyPath, Any, tuple[Part, ...]]] = [
        ((section,), content.get(section), parts) for section, parts in PARTS.items()
    ]
    for study, entry in studies.items() if isinstance(studies, dict) else ():
        if isinstance(entry, dict):
            places.append((("studies", study, "analyses"), entry.get("analyses"), ANALYSIS_PARTS))
    for path, entries, parts in places:
        for name, entry in entries.items() if isinstance(entries, dict) else ():
            if isinstance(entry, dict):
                yield (*path, name), entry, parts


def _sound_rest(content: dict[str, Any], mistakes: list[Mistake]) -> Config | None:
    """The configuration without its broken entries, so that what is left can be checked in the same go."""
    content = deepcopy(content)
    for _ in range(4):  # an entry that goes may leave its parent empty, which goes next
        for path in {_broken_entry(content, mistake.path) for mistake in mistakes} - {()}:
            node: Any = content
            for step in path[:-1]:
                node = node.get(step, {})
            node.pop(path[-1], None)
        content.setdefault("study", next(iter(content.get("studies") or ()), ""))
        config, mistakes = validate(Config, content)
        if config is not None:
            return config
    return None


def _broken_entry(content: Any, path: KeyPath) -> KeyPath:
    """The dataset, teacher, student, method, experiment or setting in ``content`` that ``path`` lies in."""
    if path[:1] == ("studies",) and path[2:3] in (("experiments",), ("analyses",)):
        path = path[:4]
    elif path and path[0] in PARTS:
        path = path[:2]
    for depth, step in enumerate(path):
        if not isinstance(content, dict) or step not in content:
            return path[:depth]
        content = content[step]
    return path


@cache
def schema() -> dict[str, Any]:
    """The JSON schema of config.yaml, with the Settings of every registered part; not to be changed."""
    result = Config.model_json_schema()
    entries = {
        result["properties"][section]["patternProperties"][NAME]["$ref"].rpartition("/")[2]: parts
        for section, parts in PARTS.items()
    }
    for definition_name, parts in {**entries, Analysis.__name__: ANALYSIS_PARTS}.items():
        entry = result["$defs"][definition_name]
        for kind, name_key, settings_key in parts:
            names = sorted(registry.KINDS[kind])
            named = entry["properties"][name_key]
            named.pop("type", None)
            named["enum"] = [*names, None] if named.pop("anyOf", None) else names
            for part in names if settings_key else ():
                key, settings = f"{kind}-{part}", registry.part(kind, part).Settings
                definition = settings.model_json_schema(ref_template=f"#/$defs/{key}/$defs/{{model}}")
                result["$defs"][key] = {**definition, "title": f"{kind} {part}"}
                entry.setdefault("allOf", []).append({
                    "if": {"properties": {name_key: {"const": part}}, "required": [name_key]},
                    "then": {"properties": {settings_key: {"$ref": f"#/$defs/{key}"}}},
                })  # fmt: skip
    _may_be_like(result)
    result["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    # An infinite default is no JSON number: it is shown as YAML writes it.
    return json.loads(json.dumps(result), parse_constant={"Infinity": ".inf", "-Infinity": "-.inf", "NaN": ".nan"}.get)


def _may_be_like(schema: dict[str, Any]) -> None:
    """Let entries say ``like`` in place of what is required of them."""
    of_studies = (Experiment, Analysis, Curve, TeacherSearch, StudentSearch)
    for entry in (DatasetEntry, TeacherEntry, StudentEntry, MethodEntry, *of_studies):
        definition = schema["$defs"][entry.__name__]
        text = "another entry of the same kind, of which this one has all that it does not give itself"
        definition["properties"][likeness.KEY] = {"type": "string", "description": text}
        otherwise = {"required": definition.pop("required")}
        definition.setdefault("allOf", []).append({"if": {"required": [likeness.KEY]}, "else": otherwise})


def main(arguments: list[str] | None = None) -> int:
    """Entry of ``python -m mtbkd.config``; 0 when the file can be run, else 1."""
    parser = argparse.ArgumentParser(prog="python -m mtbkd.config", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="check a configuration and print every mistake")
    check.add_argument("files", type=Path, nargs="+", help="the later ones are read over the first, like --configfile")
    check.add_argument("--study", help="in place of the file's")
    write = commands.add_parser("schema", help="print the JSON schema")
    write.add_argument("--write", action="store_true", help=f"write it to {SCHEMA.parent.name}/{SCHEMA.name} instead")
    chosen = parser.parse_args(arguments)
    if chosen.command == "schema":
        write_json(SCHEMA, schema()) if chosen.write else print(json.dumps(schema(), indent=2, sort_keys=True))
        return 0
    try:
        config = load(read_configuration(chosen.files), chosen.study, import_estimators=True)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"OK: {', '.join(map(str, chosen.files))}, study {config.study}")
    print(*config.plan().remarks, *memory_remarks(config, config.study), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
