# Figures as svg and pdf, each with the numbers that it shows. One job draws all of a kind: starting Python takes longer.
# Those of a data set are drawn from its gallery, which holds what they show of the runs and of the data, and nothing else.


rule gather_gallery:
    input:
        "results/{run}/records.csv",
        get_prepared_files,
    output:
        directory("results/{run}/gallery/{dataset}"),
    log:
        "logs/{run}/gallery/{dataset}.log",
    conda:
        "../../environment.yml"
    params:
        prepared=get_prepared_folder,
        code=CODE["gallery"],
    shell:
        "python -m jcae gallery --results results/{wildcards.run:q} --dataset {wildcards.dataset:q} "
        "--prepared {params.prepared:q}/{wildcards.dataset:q} --out {output:q} > {log:q} 2>&1"


rule draw_run_figures:
    input:
        f"{SOURCE}/scores.csv",
        f"{SOURCE}/records.csv",
        [f"{SOURCE}/gallery/{dataset}" for dataset in get_drawn_datasets()],
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
        source=get_source,
        code=CODE["figures"],
    shell:
        "python -m jcae figures {params.names} --results {params.source:q} "
        "--out results/{wildcards.run:q}/figures > {log:q} 2>&1"


rule draw_dataset_figures:
    input:
        f"{SOURCE}/records.csv",
        f"{SOURCE}/gallery/{{dataset}}",
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
        source=get_source,
        code=CODE["figures"],
    shell:
        "python -m jcae figures {params.names} --results {params.source:q} --dataset {wildcards.dataset:q} "
        "--out results/{wildcards.run:q}/figures/{wildcards.dataset:q} > {log:q} 2>&1"


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
        source=get_source,
        code=CODE["figures"],
