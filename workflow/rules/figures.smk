# Figures as svg and pdf, each with the numbers that it shows. One job draws all of a kind: starting Python takes longer.


rule draw_run_figures:
    input:
        "results/{run}/scores.csv",
        "results/{run}/records.csv",
    output:
        svg=report_figures("results/{run}/figures", OF_RUN, subcategory="all data sets"),
        pdf=expand("results/{{run}}/figures/{name}.pdf", name=OF_RUN),
        csv=expand("results/{{run}}/figures/{name}.csv", name=OF_RUN),
    log:
        "logs/{run}/figures/run.log",
    conda:
        "../../environment.yml"
    params:
        names=OF_RUN,
        code=CODE["figures"],
    shell:
        "python -m jcae figures {params.names} --results results/{wildcards.run:q} "
        "--out results/{wildcards.run:q}/figures > {log:q} 2>&1"


rule draw_dataset_figures:
    input:
        "results/{run}/scores.csv",
        "results/{run}/records.csv",
        get_prepared_files,
    output:
        svg=report_figures("results/{run}/figures/{dataset}", OF_DATASET, subcategory="{dataset}"),
        pdf=expand("results/{{run}}/figures/{{dataset}}/{name}.pdf", name=OF_DATASET),
        csv=expand("results/{{run}}/figures/{{dataset}}/{name}.csv", name=OF_DATASET),
    log:
        "logs/{run}/figures/{dataset}.log",
    conda:
        "../../environment.yml"
    params:
        names=OF_DATASET,
        prepared=get_prepared_folder,
        code=CODE["figures"],
    shell:
        "python -m jcae figures {params.names} --results results/{wildcards.run:q} --dataset {wildcards.dataset:q} "
        "--prepared {params.prepared:q} --out results/{wildcards.run:q}/figures/{wildcards.dataset:q} > {log:q} 2>&1"


# Only for data sets of images.
use rule draw_dataset_figures as draw_image_figures with:
    output:
        svg=report_figures("results/{run}/figures/{dataset}", IMAGES_ONLY, subcategory="{dataset}"),
        pdf=expand("results/{{run}}/figures/{{dataset}}/{name}.pdf", name=IMAGES_ONLY),
        csv=expand("results/{{run}}/figures/{{dataset}}/{name}.csv", name=IMAGES_ONLY),
    log:
        "logs/{run}/figures/{dataset}_images.log",
    params:
        names=IMAGES_ONLY,
        prepared=get_prepared_folder,
        code=CODE["figures"],
