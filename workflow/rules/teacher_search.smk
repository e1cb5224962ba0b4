# Teacher search. What comes in: nothing, candidates draw data of their own. What goes out:
# results/<study>/teacher_search/<name>.parquet. Only for studies with the key `teacher_search`.


rule teacher_search:
    """Train teachers under every setting that a paper does not print, and compare them with the rows that it prints."""
    output:
        SEARCH,
    log:
        f"{STUDY}/logs/teacher_search/{{search}}.log",
    benchmark:
        f"{STUDY}/benchmarks/teacher_search/{{search}}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
        gpu=GPU,
    params:
        spec=lambda wildcards: PLAN.searches[wildcards.search],
        package=search_package,
    script:
        "../../scripts/teacher_search.py"
