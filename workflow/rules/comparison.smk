# Statistics over seeds and data sets: which differences between methods the scores can show, and the published numbers.


rule compare_methods:
    input:
        f"{SOURCE}/scores.csv",
        f"{SOURCE}/records.csv",
        [f"{SOURCE}/gallery/{dataset}" for dataset in get_drawn_datasets()],
        published=get_published,
    output:
        html=[report_table(name, category="Comparison of methods", caption="comparison") for name in COMPARED],
        csv=expand("results/{{run}}/tables/{table}.csv", table=COMPARED),
        md=expand("results/{{run}}/tables/{table}.md", table=COMPARED),
        tex=expand("results/{{run}}/tables/{table}.tex", table=COMPARED),
    log:
        "logs/{run}/compare.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        source=get_source,
        options=lambda wildcards: get_options(PLAN.comparison | PLAN.ledger),
        code=CODE["comparison"],
    shell:
        "python -m jcae compare --results {params.source:q} --out results/{wildcards.run:q}/tables {params.options} "
        "> {log:q} 2>&1"
