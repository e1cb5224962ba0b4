# What all rules share: the checked configuration, resolved into PLAN, and functions of wildcards.
# What comes in: config.yaml. What goes out: nothing; mistakes in it end the run here, before any job.
from snakemake.exceptions import WorkflowError

from mtbkd.study import config as study_config
from mtbkd.base import registry
from mtbkd.study.plan import make_plan
from mtbkd.base.errors import ConfigError
from mtbkd.base import sources

try:
    CHECKED = study_config.load(config, import_estimators=workflow.is_main_process)
    PLAN = make_plan(CHECKED)
except ConfigError as error:
    raise WorkflowError(str(error)) from None

STUDY = f"results/{PLAN.study}"
DATA = "results/shared/data/{dataset}/{block}"
LOGITS = "results/shared/logits/{teacher}/{block}"
STUDENT = f"{STUDY}/students/{{experiment}}/{{method}}/{{block}}.nc"
DATA_FILES = ("data.safetensors", "examples.csv", "card.json")
LOGITS_FILES = ("logits.safetensors", "card.json")
EXACT = f"{STUDY}/exact/{{judged}}"
EXACT_TABLES = ("cases", "sbc", "ranks")
SEARCH = f"{STUDY}/{{search}}.parquet"  # teacher_search/<name> or student_search/<name>
CURVE = f"{STUDY}/curves/{{curve}}/{{teachers}}/{{helped}}/{{block}}"
CURVE_REFERENCES = f"{STUDY}/curves/{{curve}}/references/{{block}}.parquet"
ANALYSIS = f"{STUDY}/analyses/{{analysis}}/{{table}}.parquet"
ANALYSIS_PART = f"{STUDY}/analyses/{{analysis}}/parts/{{part}}/{{table}}.parquet"
NOTHING = "(?!)"
# device: cpu never asks for a GPU; otherwise the profile says how many there are (workflow/profiles/gpu).
GPU = int(PLAN.device == "cuda")
ENVIRONMENT = "../../envs/gpu.yaml" if GPU else "../../envs/cpu.yaml"


wildcard_constraints:
    block=r"r\d+-\d+",
    experiment="|".join(PLAN.experiments),
    method="|".join({name: None for e in PLAN.experiments.values() for name in e.methods}) or NOTHING,
    judged="|".join(PLAN.exact) or NOTHING,
    search="|".join(PLAN.searches) or NOTHING,
    curve="|".join(PLAN.curves) or NOTHING,
    teachers="|".join({name: None for c in PLAN.curves.values() for name in c.parts}) or NOTHING,
    helped="|".join({name: None for c in PLAN.curves.values() for _, name in c.every_part()}) or NOTHING,


def package(*modules, files=()):
    """Hash of the sources that ``modules`` depend on, and of further files of the package; the registry only names parts."""
    return sources.fingerprint(modules, ("mtbkd.base.registry",), files)


def dataset_output():
    """The three files of a dataset's block."""
    return {name.partition(".")[0]: f"{DATA}/{name}" for name in DATA_FILES}


def datasets_of(kind):
    """Wildcard constraint: the keys of this study's datasets of ``kind``."""
    return "|".join(key for key, data in PLAN.datasets.items() if data.kind == kind) or NOTHING


def dataset_spec(wildcards):
    """What preparing a dataset depends on."""
    data = PLAN.datasets[wildcards.dataset]
    return {"name": data.name, "kind": data.kind, "settings": data.settings, "seed": data.seed}


def raw_files(keys):
    """Places of downloaded raw files."""
    return [f"results/downloads/{key}" for key in keys]


def data_files(key, block):
    """Files of a dataset's block."""
    return [f"results/shared/data/{key}/{block}/{name}" for name in DATA_FILES]


def logits_files(key, block):
    """Files of a teacher's block."""
    return [f"results/shared/logits/{key}/{block}/{name}" for name in LOGITS_FILES]


def folder(path):
    """The folder of a file."""
    return str(Path(path).parent)


def teacher_inputs(wildcards):
    teacher = PLAN.teachers[wildcards.teacher]
    return {
        "data": data_files(teacher.data_key, wildcards.block),
        "raw": raw_files(teacher.raw),
        "own": own_files(teacher.settings),
    }


def teacher_package(wildcards):
    return package("mtbkd.teachers.teaching", registry.module_name("teacher", PLAN.teachers[wildcards.teacher].family))


def teacher_spec(wildcards):
    teacher = PLAN.teachers[wildcards.teacher]
    return {
        "name": teacher.name,
        "family": teacher.family,
        "domain": teacher.domain,
        "settings": teacher.settings,
        "seed": teacher.seed,
        "device": PLAN.device,
    }


def student_inputs(wildcards):
    experiment = PLAN.experiments[wildcards.experiment]
    block = experiment.data_block(wildcards.block)
    return {
        "data": data_files(experiment.data.key, block),
        "logits": [file for t in student_teachers(wildcards) for file in logits_files(t.key, block)],
    }


def fit_package(root, spec):
    """Hash of the sources of a fit and of the job ``root`` that makes it."""
    return package(root, *(registry.module_name(kind, name) for kind, name in fit_parts(spec)))


def fit_parts(spec):
    """Kind and name of the registered parts of a fit."""
    parts = [("student", spec["student"]["architecture"]), ("signal", spec["signal"]["name"])]
    return (
        parts + [("inference", spec["inference"]["name"])] + ([("weights", spec["weights"])] if spec["weights"] else [])
    )


def method_spec(wildcards):
    """A method's resolved settings."""
    return PLAN.experiments[wildcards.experiment].methods[wildcards.method]


def student_teachers(wildcards):
    """The teachers that a fit reads: a label-only student neither waits for them nor is fitted again when they change."""
    experiment = PLAN.experiments[wildcards.experiment]
    return experiment.teachers if experiment.methods[wildcards.method]["signal"]["name"] != "none" else ()


def student_logits(wildcards):
    block = PLAN.experiments[wildcards.experiment].data_block(wildcards.block)
    return [folder(logits_files(t.key, block)[0]) for t in student_teachers(wildcards)]


def exact_package(wildcards):
    """Package sources that the judging of a method depends on."""
    inference = PLAN.exact[wildcards.judged]["inference"]
    return package("mtbkd.questions.exact.judging", registry.module_name("inference", inference))


def exact_folders():
    """Method -> folder of its tables."""
    return {name: EXACT.format(judged=name) for name in PLAN.exact}


def exact_published():
    """The conjugate student beside the paper's numbers, for studies that ask for exact answers."""
    return [f"{STUDY}/exact/published.parquet"] if PLAN.exact else []


def search_package(wildcards):
    """Package sources that a search depends on."""
    asked = PLAN.searches[wildcards.search]
    parts = {("dataset", asked["kind"]): None} | {("teacher", teacher["family"]): None for teacher in asked["teachers"]}
    for fit in asked["students"]["fits"].values() if asked["students"] else ():
        parts |= dict.fromkeys(fit_parts(fit))
    return package("mtbkd.questions.search.run", *(registry.module_name(kind, name) for kind, name in parts))


def search_files():
    """Search -> its table."""
    return {name: SEARCH.format(search=name) for name in PLAN.searches}


def curve_spec(wildcards):
    """What one method's part of a curve depends on."""
    return PLAN.curves[wildcards.curve].parts[wildcards.teachers][wildcards.helped]


def curve_logits(wildcards):
    """Folders of the teachers that one part of a curve reads; a student without teachers reads none."""
    curve = PLAN.curves[wildcards.curve]
    block = curve.data_block(wildcards.block)
    return [folder(logits_files(t.key, block)[0]) for t in curve.teachers_of(wildcards.teachers)]


def curve_inputs(wildcards):
    curve = PLAN.curves[wildcards.curve]
    return {
        "data": data_files(curve.data.key, curve.data_block(wildcards.block)),
        "logits": [f"{place}/{name}" for place in curve_logits(wildcards) for name in LOGITS_FILES],
    }


def reference_logits(wildcards):
    """Set of teachers -> folders of their logits."""
    curve = PLAN.curves[wildcards.curve]
    block = curve.data_block(wildcards.block)
    return {name: [folder(logits_files(t.key, block)[0]) for t in own] for name, own in curve.teachers.items()}


def reference_inputs(wildcards):
    curve, found = PLAN.curves[wildcards.curve], reference_logits(wildcards)
    return {
        "data": data_files(curve.data.key, curve.data_block(wildcards.block)),
        "logits": [f"{place}/{name}" for places in found.values() for place in places for name in LOGITS_FILES],
    }


def curve_scores():
    """Curve -> set of teachers, none or references -> files of scores."""
    found = {}
    for name, curve in PLAN.curves.items():
        found[name] = {teachers: [] for teachers in curve.parts}
        for teachers, method in curve.every_part():
            folders = [CURVE.format(curve=name, teachers=teachers, helped=method, block=b) for b in curve.blocks]
            found[name][teachers] += [f"{place}/scores.parquet" for place in folders]
        found[name]["references"] = [CURVE_REFERENCES.format(curve=name, block=b) for b in curve.blocks]
    return found


def curve_tuning():
    """Curve -> files of what was tuned, of all its methods and sets of teachers."""
    parts = [(c, dict(curve=c.name, teachers=t, helped=m)) for c in PLAN.curves.values() for t, m in c.every_part()]
    found = {name: [] for name in PLAN.curves}
    for curve, part in parts:
        found[curve.name] += [f"{CURVE.format(**part, block=b)}/tuning.parquet" for b in curve.blocks]
    return found


def curve_files():
    """All files of scores of all curves."""
    return [file for parts in curve_scores().values() for files in parts.values() for file in files]


def analysis_tables(analysis):
    """Table -> file."""
    return {table: ANALYSIS.format(analysis=analysis.name, table=table) for table in analysis.tables}


def analysis_draws(analysis):
    """Method -> block -> file of the draws that an analysis reads."""
    return {
        method: {b: STUDENT.format(experiment=analysis.experiment, method=method, block=b) for b in analysis.blocks}
        for method in analysis.methods
    }


def analysis_inputs(analysis):
    blocks = analysis.data_blocks
    return {
        "data": [file for b in blocks for file in data_files(analysis.data.key, b)],
        "logits": [file for t in analysis.teachers for b in blocks for file in logits_files(t.key, b)],
        "draws": [file for files in analysis_draws(analysis).values() for file in files.values()],
        "raw": raw_files(analysis.raw),
        "parts": [file for tables in part_tables(analysis).values() for file in tables.values()],
    }


def part_tables(analysis):
    """Part -> table -> file, of an analysis that is computed in parts."""

    def files(part):
        return {t: ANALYSIS_PART.format(analysis=analysis.name, part=part, table=t) for t in analysis.part_tables}

    return {part: files(part) for part in analysis.parts}


def part_spec(analysis, part):
    """What a part of an analysis depends on: its content, in place of the settings of all."""
    common = {key: value for key, value in analysis_spec(analysis).items() if key not in ("settings", "parts")}
    return {**common, "content": analysis.parts[part].content}


def part_package(analysis, part):
    """Hash of the sources that a part of an analysis depends on."""
    uses = [*analysis.parts[part].uses]
    uses += [("student", analysis.student["architecture"])] if analysis.student else []
    job = registry.part("analysis", analysis.kind).PART
    return package("mtbkd.questions.run", job, *(registry.module_name(kind, name) for kind, name in uses))


def analysis_package(analysis):
    """Hash of the sources that an analysis depends on."""
    parts = [("analysis", analysis.kind)]
    parts += [("student", analysis.student["architecture"])] if analysis.student else []
    return package("mtbkd.questions.run", *(registry.module_name(kind, name) for kind, name in parts))


def analysis_spec(analysis):
    """What an analysis depends on: its settings, and where its files lie."""
    names = ("name", "kind", "settings", "seed", "device", "replicates", "student", "posterior", "training")
    blocks = analysis.data_blocks
    return {
        **{name: getattr(analysis, name) for name in names},
        "blocks": list(analysis.blocks),
        "methods": list(analysis.methods),
        "raw": "results/downloads",
        "data": {b: folder(data_files(analysis.data.key, b)[0]) for b in blocks},
        "logits": {t.name: {b: folder(logits_files(t.key, b)[0]) for b in blocks} for t in analysis.teachers},
        "draws_of": analysis_draws(analysis),
        **({"parts": part_tables(analysis)} if analysis.parts else {}),
    }


def analysis_files():
    """Analysis -> table -> file."""
    return {name: analysis_tables(analysis) for name, analysis in PLAN.analyses.items()}


def evaluation_inputs(wildcards):
    experiment = PLAN.experiments[wildcards.experiment]
    blocks = experiment.data_blocks
    return {
        "data": [file for block in blocks for file in data_files(experiment.data.key, block)],
        "logits": [f for t in experiment.teachers for block in blocks for f in logits_files(t.key, block)],
        "draws": [
            STUDENT.format(experiment=experiment.name, method=method, block=block)
            for method in experiment.methods
            for block in experiment.blocks
        ],
    }


def evaluation_spec(wildcards):
    experiment = PLAN.experiments[wildcards.experiment]
    blocks = experiment.data_blocks
    return {
        "study": PLAN.study,
        "experiment": experiment.name,
        "dataset_name": experiment.data.name,
        "data_folders": {b: folder(data_files(experiment.data.key, b)[0]) for b in blocks},
        "logits_folders": {t.name: {b: folder(logits_files(t.key, b)[0]) for b in blocks} for t in experiment.teachers},
        "draws_files": {
            method: {b: STUDENT.format(experiment=experiment.name, method=method, block=b) for b in experiment.blocks}
            for method in experiment.methods
        },
        "levels": list(PLAN.levels),
    }
