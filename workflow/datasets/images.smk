# Published image collections, and digits in colour domains made from them. What comes in: their raw files, those of the user's
# own in their place included. What goes out: results/shared/data/<dataset>/r0-0/.
from mtbkd.data.images import inputs

IMAGES = ("mnist", "fashion_mnist", "cifar10", "cifar100", "svhn", "usps", "digit_domains", "digit_five")


rule prepare_images:
    """Read a collection of images, check it, draw the subset that the settings name, and add perturbed and foreign images."""
    input:
        raw=lambda wildcards: raw_files(
            inputs.downloads(PLAN.datasets[wildcards.dataset].kind, PLAN.datasets[wildcards.dataset].settings)
        ),
        own=lambda wildcards: own_files(PLAN.datasets[wildcards.dataset].settings),
    output:
        **dataset_output(),
    log:
        "results/logs/prepare/{dataset}/{block}.log",
    benchmark:
        "results/benchmarks/prepare/{dataset}/{block}.tsv"
    wildcard_constraints:
        dataset="|".join(datasets_of(kind) for kind in IMAGES),
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        spec=dataset_spec,
        package=lambda wildcards: package(
            "mtbkd.data.preparing", registry.module_name("dataset", PLAN.datasets[wildcards.dataset].kind)
        ),
        own=dataset_own,
    script:
        "../../scripts/prepare.py"
