# Figures as svg and pdf, each with the numbers that it shows. One job draws all of a kind: starting Python takes longer.
# Which of them have something to show is known when they are drawn, so a job's output is a folder; what is not made is named
# in its not_made.txt.
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
        report_figures("results/{run}/figures/all_data_sets", subcategory="all data sets"),
    log:
        "logs/{run}/figures/run.log",
    conda:
        "../../environment.yml"
    params:
        names=OF_RUN,
        source=get_source,
        options=lambda wildcards: get_options(get_reference()),
        code=CODE["figures"],
    shell:
        "python -m jcae figures {params.names} --results {params.source:q} --out {output:q} {params.options} > {log:q} 2>&1"


rule draw_dataset_figures:
    input:
        f"{SOURCE}/scores.csv",
        f"{SOURCE}/records.csv",
        f"{SOURCE}/gallery/{{dataset}}",
    output:
        report_figures("results/{run}/figures/{dataset}", subcategory="{dataset}"),
    log:
        "logs/{run}/figures/{dataset}.log",
    conda:
        "../../environment.yml"
    params:
        names=get_names_of_dataset_figures,
        source=get_source,
        options=lambda wildcards: get_options(get_reference()),
        code=CODE["figures"],
    shell:
        "python -m jcae figures {params.names} --results {params.source:q} --dataset {wildcards.dataset:q} --out {output:q} "
        "{params.options} > {log:q} 2>&1"
