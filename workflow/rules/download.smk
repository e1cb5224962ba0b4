# Raw files. What comes in: the registry mtbkd/data/raw_files.yaml, $MTBKD_MIRROR (a folder laid out as <group>/<file>) or the
# network. What goes out: results/downloads/<group>/<file>, verified by its hash. Nothing here runs for offline studies.


rule download:
    """Fetch one raw file: the mirror first, then its sources; moved into place only when its hash is right."""
    output:
        "results/downloads/{group}/{file}",
    log:
        "results/logs/download/{group}/{file}.log",
    benchmark:
        "results/benchmarks/download/{group}/{file}.tsv"
    wildcard_constraints:
        group=r"[^/]+",
        file=r"[^/]+",
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=60,
    params:
        key=lambda wildcards: f"{wildcards.group}/{wildcards.file}",
    script:
        "../../scripts/download.py"
