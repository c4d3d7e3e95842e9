# Is the clustering module a Gaussian mixture? The algebra must hold; what fitting both gives is reported.


rule check_algebra:
    input:
        features=get_features,
        card=get_card,
    output:
        "results/{run}/equivalence/{dataset}/algebra.csv",
    log:
        "logs/{run}/equivalence/{dataset}/algebra.log",
    conda:
        "../../environment.yml"
    params:
        code=CODE["equivalence"],
    shell:
        "python -m jcae equivalence algebra --features {input.features:q} --name {wildcards.dataset:q} --out {output:q} "
        "> {log:q} 2>&1"


rule compare_with_mixture:
    input:
        features=get_features,
        truth=get_truth,
        card=get_card,
    output:
        multiext(
            "results/{run}/equivalence/{dataset}/",
            "scores.csv",
            "agreement.csv",
            "tests.csv",
            "fixed_point.csv",
        ),
    log:
        "logs/{run}/equivalence/{dataset}/compare.log",
    conda:
        "../../environment.yml"
    params:
        seeds=",".join(map(str, PLAN.equivalence["seeds"])),
        options=get_equivalence_options(),
        code=CODE["equivalence"],
    shell:
        "python -m jcae equivalence empirics --features {input.features:q} --truth {input.truth:q} --name {wildcards.dataset:q} "
        "--seeds {params.seeds:q} --out results/{wildcards.run:q}/equivalence/{wildcards.dataset:q} {params.options} > {log:q} 2>&1"


rule summarise_equivalence:
    input:
        get_equivalence("algebra"),
        get_equivalence("tests"),
    output:
        algebra=report(
            "results/{run}/equivalence/algebra.csv",
            caption="../report/algebra.rst",
            category="Equivalence of clustering module and mixture",
            labels={"table": "algebra"},
        ),
        summary=report(
            "results/{run}/equivalence/summary.csv",
            caption="../report/equivalence.rst",
            category="Equivalence of clustering module and mixture",
            labels={"table": "clustering module against mixture"},
        ),
    log:
        "logs/{run}/equivalence/summarise.log",
    conda:
        "../../environment.yml"
    params:
        datasets=PLAN.equivalence["datasets"],
        code=CODE["equivalence"],
    shell:
        "python -m jcae equivalence summarise results/{wildcards.run:q}/equivalence {params.datasets:q} > {log:q} 2>&1"


# A rule of its own, so that a failed check stops the pipeline and yet leaves the numbers on disk.
rule verify_algebra:
    input:
        "results/{run}/equivalence/algebra.csv",
    output:
        touch("results/{run}/equivalence/.verified"),
    log:
        "logs/{run}/equivalence/verify.log",
    localrule: True
    conda:
        "../../environment.yml"
    shell:
        "python -m jcae equivalence verify {input:q} > {log:q} 2>&1"
