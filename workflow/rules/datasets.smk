# Datasets. What comes in: raw files, weights of encoders and files of the user's own, as far as a kind reads them; nothing for
# simulations. What goes out: results/shared/data/<dataset>/<block>/. A rule for each kind that the study uses, named after it.
# Rules of your own that make tables from raw files stand in workflow/datasets.


def dataset_inputs(wildcards):
    data = PLAN.datasets[wildcards.dataset]
    return {"raw": raw_files(data.raw), "own": own_files(data.settings)}


def dataset_spec(wildcards):
    """What preparing a dataset depends on."""
    return PLAN.datasets[wildcards.dataset].job


def dataset_package(wildcards):
    """Hash of the sources that preparing a dataset depends on, those of its encoders among them."""
    data = PLAN.datasets[wildcards.dataset]
    part = registry.part("dataset", data.kind)
    used = part.uses(part.Settings.model_validate(data.settings)) if hasattr(part, "uses") else ()
    return package("mtbkd.data.preparing", part.__name__, *(registry.module_name(*use) for use in used))


for kind in sorted({data.kind for data in PLAN.datasets.values()}):

    rule:
        """Make a block of a dataset: simulate it, or read its files, check them, split and encode them."""
        name:
            f"prepare_{kind}"
        input:
            unpack(dataset_inputs),
        output:
            **{name.partition(".")[0]: f"{DATA}/{name}" for name in DATA_FILES},
        log:
            "results/logs/prepare/{dataset}/{block}.log",
        benchmark:
            "results/benchmarks/prepare/{dataset}/{block}.tsv"
        wildcard_constraints:
            dataset="|".join(key for key, data in PLAN.datasets.items() if data.kind == kind),
        conda:
            "../../envs/cpu.yaml"
        threads: 1
        resources:
            mem_mb=lambda wildcards, attempt: 2500 * attempt
            + data_mb(PLAN.datasets[wildcards.dataset], wildcards, attempt),
            runtime=lambda wildcards, attempt: data_minutes(PLAN.datasets[wildcards.dataset], wildcards, attempt),
        params:
            spec=dataset_spec,
            package=dataset_package,
            own=lambda wildcards: own_contents(PLAN.datasets[wildcards.dataset].settings),
        script:
            "../../scripts/prepare.py"
