# Figures as svg and pdf, each with the numbers that it shows.


rule draw_figure:
    input:
        "results/{run}/scores.csv",
        "results/{run}/records.csv",
    output:
        report(
            "results/{run}/figures/{figure}.svg",
            caption="../report/figure.rst",
            category="Figures",
            subcategory="all data sets",
            labels={"figure": "{figure}"},
        ),
        "results/{run}/figures/{figure}.pdf",
        "results/{run}/figures/{figure}.csv",
    log:
        "logs/{run}/figures/{figure}.log",
    wildcard_constraints:
        figure="|".join(name for name in FIGURES if name not in PER_DATASET + OF_EQUIVALENCE),
    conda:
        "../../environment.yml"
    params:
        code=CODE["figures"],
    shell:
        "python -m jcae figure {wildcards.figure:q} --results results/{wildcards.run:q} "
        "--out results/{wildcards.run:q}/figures/{wildcards.figure:q} > {log:q} 2>&1"


rule draw_dataset_figure:
    input:
        "results/{run}/scores.csv",
        "results/{run}/records.csv",
        get_prepared_files,
    output:
        report(
            "results/{run}/figures/{dataset}/{figure}.svg",
            caption="../report/figure.rst",
            category="Figures",
            subcategory="{dataset}",
            labels={"figure": "{figure}"},
        ),
        "results/{run}/figures/{dataset}/{figure}.pdf",
        "results/{run}/figures/{dataset}/{figure}.csv",
    log:
        "logs/{run}/figures/{dataset}/{figure}.log",
    wildcard_constraints:
        figure="|".join(PER_DATASET),
    conda:
        "../../environment.yml"
    params:
        prepared=get_prepared_folder,
        code=CODE["figures"],
    shell:
        "python -m jcae figure {wildcards.figure:q} --results results/{wildcards.run:q} --dataset {wildcards.dataset:q} "
        "--prepared {params.prepared:q} --out results/{wildcards.run:q}/figures/{wildcards.dataset:q}/{wildcards.figure:q} "
        "> {log:q} 2>&1"
