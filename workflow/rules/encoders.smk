# Encoders of proteins, as the rules prepare_<kind> in workflow/datasets need them. What comes in: nothing. What goes out: no file;
# what encoders said is remembered by the jobs themselves, in results/shared/embeddings/<encoder>-<hash>/.
from mtbkd.data.datasets import protein_inputs


def encoder_settings(wildcards):
    """The settings of a dataset of proteins, its encoders among them."""
    data = PLAN.datasets[wildcards.dataset]
    return registry.part("dataset", data.kind).Settings.model_validate(data.settings)


def encoder_raw(wildcards):
    """Raw files of the dataset's encoders."""
    return raw_files(protein_inputs.raw_files(encoder_settings(wildcards)))


def encoder_package(wildcards):
    """Hash of the sources that preparing a dataset of proteins depends on, those of its encoders among them."""
    kind = registry.module_name("dataset", PLAN.datasets[wildcards.dataset].kind)
    return package("mtbkd.data.preparing", kind, *protein_inputs.modules(encoder_settings(wildcards)))
