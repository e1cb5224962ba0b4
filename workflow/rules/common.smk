# What all rules share: the checked configuration, resolved into PLAN, and functions of wildcards.
# What comes in: config.yaml. What goes out: nothing; mistakes in it end the run here, before any job.
from functools import cache

from snakemake.exceptions import WorkflowError

from mtbkd.study import config as study_config
from mtbkd.base import registry
from mtbkd.study.plan import make_plan
from mtbkd.base.blocks import block_range
from mtbkd.study import resources as asking
from mtbkd.study.extent import examples_of
from mtbkd.study.resolve import parts_of_fit
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
NOTHING = "(?!)"
# device: cuda asks for a GPU; the profile says how many there are (workflow/profiles/gpu), the job takes a free one (base/gpus.py).
GPU = int(PLAN.device == "cuda")
ENVIRONMENT = "../../envs/gpu.yaml" if GPU else "../../envs/cpu.yaml"


wildcard_constraints:
    block=r"r\d+-\d+",
    experiment="|".join(PLAN.experiments),
    method="|".join({name: None for e in PLAN.experiments.values() for name in e.methods}) or NOTHING,


@cache
def fit_needs():
    """(experiment, method) -> (gigabytes of its largest arrays, parameters)."""
    return {fit: (need.gigabytes, params) for fit, need, params in asking.needs_of_fits(CHECKED, PLAN.study)}


def fit_mb(wildcards, attempt):
    """Memory of a fit: its arrays and its data."""
    fit, data = (wildcards.experiment, wildcards.method), PLAN.experiments[wildcards.experiment].data
    held = asking.gigabytes_of_data(data, fit_replicates(wildcards))
    return asking.megabytes(fit_needs().get(fit, (0, 0))[0] + held, attempt)


def fit_minutes(wildcards, attempt):
    """Time of a fit by its replicates, its examples and the student's parameters."""
    params = fit_needs().get((wildcards.experiment, wildcards.method), (0, 0))[1]
    examples = examples_of(PLAN.experiments[wildcards.experiment].data.settings)
    return asking.minutes(fit_replicates(wildcards), examples, params, attempt)


def fit_replicates(wildcards):
    """Replicates of a block; those of the first where no wildcard names one."""
    named = wildcards.get("block") or PLAN.experiments[wildcards.experiment].blocks[0]
    return len(block_range(named))


def data_mb(data, wildcards, attempt):
    """Memory of a job that reads or makes one block of ``data``."""
    return asking.megabytes(asking.gigabytes_of_data(data, len(block_range(wildcards.block))), attempt)


def data_minutes(data, wildcards, attempt):
    """Time of a job that computes on one block of ``data``."""
    return asking.minutes(len(block_range(wildcards.block)), examples_of(data.settings), 0, attempt)


def question_mb(question, attempt):
    """Memory of a question or of one of its parts."""
    return asking.megabytes(asking.gigabytes_of_data(question.data, question.replicates), attempt)


def question_minutes(question, attempt):
    """Time of a question or of one of its parts, as long as all replicates may take."""
    examples = examples_of(question.data.settings) if question.data else 0
    return asking.minutes(question.replicates, examples, 0, attempt)


def package(*modules, files=()):
    """Hash of the sources that ``modules`` depend on, and of further files of the package; the registry only names parts."""
    return sources.fingerprint(modules, ("mtbkd.base.registry",), files)


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


def teacher_data(wildcards):
    """The dataset that a teacher learns from."""
    return PLAN.datasets[PLAN.teachers[wildcards.teacher].data_key]


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
    return {**PLAN.teachers[wildcards.teacher].job, "device": PLAN.device}


def student_inputs(wildcards):
    experiment = PLAN.experiments[wildcards.experiment]
    block = experiment.data_block(wildcards.block)
    return {
        "data": data_files(experiment.data.key, block),
        "logits": [file for t in student_teachers(wildcards) for file in logits_files(t.key, block)],
    }


def fit_package(root, spec):
    """Hash of the sources of a fit and of the job ``root`` that makes it."""
    return package(root, *(registry.module_name(kind, name) for kind, name in parts_of_fit(spec)))


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
