# Exact answers. What comes in: the package's own cases, no data. What goes out: results/<study>/exact/<method>/*.parquet and
# results/<study>/exact/published.parquet. Only for studies with the key `exact`; nothing is computed for others.


rule exact:
    """Run one method on posteriors that are known exactly, and on many simulated data sets; judge what it recovers."""
    output:
        expand(f"{EXACT}/{{table}}.parquet", table=EXACT_TABLES, allow_missing=True),
    log:
        f"{STUDY}/logs/exact/{{judged}}.log",
    benchmark:
        f"{STUDY}/benchmarks/exact/{{judged}}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        spec=lambda wildcards: PLAN.exact[wildcards.judged],
        package=exact_package,
    script:
        "../../scripts/exact.py"


rule published:
    """Set the closed form of the conjugate student beside what its paper prints."""
    output:
        f"{STUDY}/exact/published.parquet",
    log:
        f"{STUDY}/logs/published.log",
    benchmark:
        f"{STUDY}/benchmarks/published.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        spec=lambda wildcards: {key: next(iter(PLAN.exact.values()))[key] for key in ("conjugate", "seed")},
        package=package("mtbkd.questions.exact.published"),
    script:
        "../../scripts/exact_published.py"
