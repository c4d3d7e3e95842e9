# One job fits one method on one data set for one block of seeds.


rule train_method:
    input:
        features=get_features,
        pretrained=get_pretrained,
        truth=get_control_truth,
        fit=get_fit,
        graph=get_graph,
    output:
        directory("results/{run}/runs/{dataset}/{method}/{block}"),
    log:
        "logs/{run}/train/{dataset}/{method}/{block}.log",
    conda:
        "../../environment.yml"
    threads: PLAN.threads
    resources:
        gpu=get_gpus,
        device=PLAN.device,
        checkpoint_every=PLAN.checkpoint_every,
        keep=PLAN.keep,
        preloaded=get_preloaded,
    params:
        spec=get_spec,
        code=get_code,
        options=get_train_options,
    # Device, threads, checkpoints and what is kept are resources and not params: changing them does not train again.
    # Checkpoints lie outside of the output, which snakemake clears before a job: a repeated job goes on from them.
    # A method that takes its process down (a crash in C code, os._exit) has failed, and the others go on.
    shell:
        "export JCAE_PRELOADED={resources.preloaded}; fit() {{ python -m jcae train --spec {params.spec:q} --features {input.features:q} --seeds {wildcards.block:q} "
        "--out {output:q} {params.options} --device {resources.device:q} --threads {threads} "
        "--checkpoint-every {resources.checkpoint_every} --keep {resources.keep:q} "
        "--checkpoints results/{wildcards.run:q}/checkpoints/runs/{wildcards.dataset:q}/{wildcards.method:q}/{wildcards.block:q} "
        '"$@" >> {log:q} 2>&1; }}; : > {log:q}; fit || fit --crashed $?'
