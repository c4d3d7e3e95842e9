# Tables of the collected scores and records; csv holds plain numbers, the others are laid out.


rule write_tables:
    input:
        f"{SOURCE}/scores.csv",
        f"{SOURCE}/records.csv",
        [f"{SOURCE}/gallery/{dataset}" for dataset in get_drawn_datasets()],
    output:
        html=[report_table(name) for name in RUN_TABLES],
        csv=expand("results/{{run}}/tables/{table}.csv", table=RUN_TABLES),
        md=expand("results/{{run}}/tables/{table}.md", table=RUN_TABLES),
        tex=expand("results/{{run}}/tables/{table}.tex", table=RUN_TABLES),
    log:
        "logs/{run}/tables.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        source=get_source,
        code=CODE["tables"],
    shell:
        "python -m jcae tables --results {params.source:q} --out results/{wildcards.run:q}/tables > {log:q} 2>&1"
