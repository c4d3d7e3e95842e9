# Autoencoders, once per data set and seed, shared by the methods that start from them: paired seeds.


rule pretrain_autoencoder:
    input:
        features=get_features,
        fit=get_fit,
    output:
        directory("results/{run}/pretrained/{dataset}/{autoencoder}/{block}"),
    log:
        "logs/{run}/pretrain/{dataset}/{autoencoder}/{block}.log",
    conda:
        "../../environment.yml"
    threads: PLAN.threads
    resources:
        gpu=int(PLAN.device != "cpu"),
        device=PLAN.device,
        checkpoint_every=PLAN.checkpoint_every,
    params:
        spec=get_pretraining_spec,
        code=get_pretraining_code,
        options=get_fit_option,
    # Device, threads and checkpoints are resources and not params: changing them does not train again.
    shell:
        "JCAE_PRELOADED=torch python -m jcae pretrain --spec {params.spec:q} --features {input.features:q} --seeds {wildcards.block:q} "
        "--out {output:q} {params.options} --device {resources.device:q} --threads {threads} "
        "--checkpoint-every {resources.checkpoint_every} "
        "--checkpoints results/{wildcards.run:q}/checkpoints/pretrained/{wildcards.dataset:q}/{wildcards.autoencoder:q}/{wildcards.block:q} "
        "> {log:q} 2>&1"
