# Searches. What comes in: nothing, candidates draw data of their own. What goes out:
# results/<study>/{teacher_search,student_search}/<name>.parquet. Only for studies with a key of that name.


rule search:
    """Try every setting of teachers or students that a paper does not print, and compare them with the rows that it prints."""
    output:
        SEARCH,
    log:
        f"{STUDY}/logs/{{search}}.log",
    benchmark:
        f"{STUDY}/benchmarks/{{search}}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=2500,
        runtime=60,
        gpu=GPU,
    params:
        spec=lambda wildcards: PLAN.searches[wildcards.search],
        package=search_package,
    script:
        "../../scripts/search.py"
