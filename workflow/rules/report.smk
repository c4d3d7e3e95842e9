# The report: static pages of what ran and what came out, made of the tables and figures.


rule write_report:
    input:
        f"{SOURCE}/scores.csv",
        f"{SOURCE}/records.csv",
        get_equivalence_target(),
        get_tables_target(),
        get_figures_target(),
    output:
        directory("results/{run}/report"),
    log:
        "logs/{run}/report.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        source=get_source,
        code=CODE["report"],
    shell:
        "python -m jcae report --results {params.source:q} --shown results/{wildcards.run:q} --out {output:q} "
        "> {log:q} 2>&1"
