# The full DeepLoc 2.0 set and its test set of human proteins. What comes in: two CSV files and the encoders' weights.
# What goes out: results/shared/data/<dataset>/r0-0/.
from mtbkd.data.datasets import deeploc


rule prepare_deeploc:
    """Read the full set, check them, and encode them, standardised on the training split."""
    input:
        raw=raw_files(deeploc.RAW),
        weights=encoder_raw,
    output:
        **dataset_output(),
    log:
        "results/logs/prepare/{dataset}/{block}.log",
    benchmark:
        "results/benchmarks/prepare/{dataset}/{block}.tsv"
    wildcard_constraints:
        dataset=datasets_of("deeploc"),
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=30,
    params:
        spec=dataset_spec,
        package=encoder_package,
    script:
        "../../scripts/prepare.py"
