# Methods that run over numbers of clusters, beside their run with the number of classes: files of their own, that no other
# table or figure reads.


rule sweep_method:
    input:
        features=get_features,
        pretrained=get_pretrained,
        fit=get_fit,
        graph=get_graph,
    output:
        directory("results/{run}/sweeps/{dataset}/{method}/{counts}/{block}"),
    log:
        "logs/{run}/sweep/{dataset}/{method}/{counts}/{block}.log",
    conda:
        "../../environment.yml"
    threads: PLAN.threads
    resources:
        gpu=get_gpus,
        device=PLAN.device,
        checkpoint_every=PLAN.checkpoint_every,
        preloaded=get_preloaded,
    params:
        spec=get_spec,
        code=get_code,
        options=get_sweep_options,
    # As train_method. A method that takes its process down has failed with all numbers of clusters of the block.
    shell:
        "export JCAE_PRELOADED={resources.preloaded}; fit() {{ python -m jcae sweep --spec {params.spec:q} --counts {wildcards.counts:q} --features {input.features:q} "
        "--seeds {wildcards.block:q} --out {output:q} {params.options} --device {resources.device:q} --threads {threads} "
        "--checkpoint-every {resources.checkpoint_every} "
        "--checkpoints results/{wildcards.run:q}/checkpoints/sweeps/{wildcards.dataset:q}/{wildcards.method:q}/{wildcards.counts:q}/{wildcards.block:q} "
        '"$@" >> {log:q} 2>&1; }}; : > {log:q}; fit || fit --crashed $?'


rule evaluate_sweeps:
    input:
        get_sweep_blocks,
        features=get_features,
        truth=get_truth,
        graph=get_scored_graph,
    output:
        "results/{run}/sweep_scores/{dataset}/scores.csv",
        "results/{run}/sweep_scores/{dataset}/records.csv",
    log:
        "logs/{run}/evaluate_sweeps/{dataset}.log",
    conda:
        "../../environment.yml"
    params:
        counts=get_count_folders,
        blocks=BLOCKS,
        options=get_evaluate_options,
        code=CODE["sweep"],
        evaluation=CODE["evaluate"],
    shell:
        "python -m jcae evaluate-sweep {params.counts:q} {params.blocks} --features {input.features:q} {params.options} "
        "--out results/{wildcards.run:q}/sweep_scores/{wildcards.dataset:q} > {log:q} 2>&1"


rule collect_sweeps:
    input:
        get_sweep_files,
    output:
        scores="results/{run}/sweep_scores.csv",
        records="results/{run}/sweep_records.csv",
    log:
        "logs/{run}/collect_sweeps.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        code=CODE["sweep"],
        folders=get_sweep_folders,
        wording=get_wording,
    shell:
        "python -m jcae collect-sweep {params.folders:q} --results results/{wildcards.run:q} --wording {params.wording:q} > {log:q} 2>&1"


rule write_how_many_tables:
    input:
        f"{SOURCE}/sweep_scores.csv",
        f"{SOURCE}/sweep_records.csv",
    output:
        html=[report_table(name, category="How many clusters") for name in HOW_MANY_TABLES],
        csv=expand("results/{{run}}/tables/{table}.csv", table=HOW_MANY_TABLES),
        md=expand("results/{{run}}/tables/{table}.md", table=HOW_MANY_TABLES),
        tex=expand("results/{{run}}/tables/{table}.tex", table=HOW_MANY_TABLES),
    log:
        "logs/{run}/how_many.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        source=get_source,
        code=CODE["how_many"],
    shell:
        "python -m jcae how-many --results {params.source:q} --out results/{wildcards.run:q}/tables > {log:q} 2>&1"


rule draw_how_many_figures:
    input:
        f"{SOURCE}/scores.csv",
        f"{SOURCE}/records.csv",
        f"{SOURCE}/sweep_scores.csv",
        f"{SOURCE}/sweep_records.csv",
    output:
        report_figures(
            "results/{run}/figures/how_many/{dataset}", category="How many clusters", subcategory="{dataset}"
        ),
    log:
        "logs/{run}/figures/{dataset}_how_many.log",
    conda:
        "../../environment.yml"
    params:
        names=OF_SWEEP,
        source=get_source,
        options=lambda wildcards: get_options(get_reference()),
        code=CODE["figures"],
    shell:
        "python -m jcae figures {params.names} --results {params.source:q} --dataset {wildcards.dataset:q} --out {output:q} "
        "{params.options} > {log:q} 2>&1"
