# What all rules share: the checked configuration, resolved into PLAN, and functions of wildcards.
# What comes in: config.yaml. What goes out: nothing; mistakes in it end the run here, before any job.
from snakemake.exceptions import WorkflowError

from mtbkd import config as study_config
from mtbkd import registry
from mtbkd.errors import ConfigError
from mtbkd.sources import closure

try:
    PLAN = study_config.load(config).plan()
except ConfigError as error:
    raise WorkflowError(str(error))

STUDY = f"results/{PLAN.study}"
DATA = "results/shared/data/{dataset}/{block}"
LOGITS = "results/shared/logits/{teacher}/{block}"
STUDENT = f"{STUDY}/students/{{experiment}}/{{method}}/{{block}}.nc"
DATA_FILES = ("data.safetensors", "examples.csv", "card.json")
LOGITS_FILES = ("logits.safetensors", "card.json")
NOTHING = "(?!)"
# device: cpu never asks for a GPU; otherwise the profile says how many there are (workflow/profiles/gpu).
GPU = int(PLAN.device == "cuda")
ENVIRONMENT = "../../envs/gpu.yaml" if GPU else "../../envs/cpu.yaml"


wildcard_constraints:
    block=r"r\d+-\d+",
    experiment="|".join(PLAN.experiments),
    method="|".join({name: None for e in PLAN.experiments.values() for name in e.methods}) or NOTHING,


def sources(*modules):
    """Files of the package that ``modules`` depend on; the registry only names parts."""
    return [str(ROOT / path) for path in closure(modules, besides=("mtbkd.registry",))]


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
