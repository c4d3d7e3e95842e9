# Scores: the first step after training that sees the truth.


rule evaluate_dataset:
    input:
        get_blocks,
        features=get_features,
        truth=get_truth,
        graph=get_scored_graph,
    output:
        directory("results/{run}/scores/{dataset}"),
    log:
        "logs/{run}/evaluate/{dataset}.log",
    conda:
        "../../environment.yml"
    params:
        methods=get_method_folders,
        blocks=BLOCKS,
        options=get_evaluate_options,
        code=CODE["evaluate"],
    shell:
        "python -m jcae evaluate {params.methods:q} {params.blocks} --features {input.features:q} {params.options} "
        "--out {output:q} > {log:q} 2>&1"


rule collect_results:
    input:
        get_scores,
    output:
        scores="results/{run}/scores.csv",
        records="results/{run}/records.csv",
    log:
        "logs/{run}/collect.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        code=CODE["collect"],
        blocks=BLOCKS,
        wording=get_wording,
    shell:
        "python -m jcae collect --results results/{wildcards.run:q} {params.blocks} --wording {params.wording:q} {input:q} > {log:q} 2>&1"
