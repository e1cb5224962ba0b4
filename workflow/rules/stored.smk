# The user's files, where results lie in a store. What comes in: the files that a `path` in config.yaml names. What goes out: their
# copies, results/shared/own/<hash>/<file>, which jobs read in the place of the files.
if STORED and OWN:

    rule own_file:
        """Copy one of the user's files into the store."""
        input:
            lambda wildcards: local(OWN[f"results/shared/own/{wildcards.key}/{wildcards.file}"]),
        output:
            "results/shared/own/{key}/{file}",
        log:
            "results/logs/own/{key}/{file}.log",
        localrule: True
        conda:
            "../../envs/cpu.yaml"
        threads: 1
        shell:
            "cp {input:q} {output:q} 2> {log:q}"
