"""What a step may cost: measured, recorded, or guessed."""

import pytest

from jcae.terminal.costs import START, TRAINING, Costs, Step, make_step, read_recorded

DEC = Step("train_method", "digits", "dec", "0-4")
RECORDS = "dataset,method,seconds,autoencoder,pretrain_seconds\ndigits,dec,2,shared,7\ndigits,dec,4,shared,7\n"
RECORDS += "digits,kmeans,,,\n"


def test_step_is_named_by_its_rule_and_what_it_works_on():
    wildcards = {"run": "smoke", "dataset": "digits", "method": "dec", "block": "0-4"}
    assert make_step("train_method", wildcards) == DEC
    assert DEC.name == "train method digits/dec/0-4"
    assert make_step("prepare_dataset_2", {"prepared": "prepared", "dataset": "wine"}).name == "prepare dataset wine"
    assert make_step("fetch_dataset", {"catalogued": "mnist"}).name == "fetch dataset mnist"
    pretraining = {"run": "smoke", "dataset": "wine", "autoencoder": "shared", "block": "0"}
    assert make_step("pretrain_autoencoder", pretraining).on == "wine/shared/0"
    assert make_step("collect_results", {"run": "smoke"}).name == "collect results"
    over = {"run": "smoke", "dataset": "digits", "method": "dec", "counts": "2-20", "block": "0-4"}
    assert make_step("sweep_method", over).name == "sweep method digits/dec/2-20/0-4"


@pytest.mark.parametrize("place", ["mine", "reference/mine"])
def test_seconds_come_from_the_records_of_the_run_else_of_the_published_one(place, tmp_path):
    (tmp_path / place).mkdir(parents=True)
    (tmp_path / place / "records.csv").write_text(RECORDS)
    recorded = read_recorded("mine", tmp_path)
    assert recorded["train_method", "digits", "dec"] == 3
    assert recorded["pretrain_autoencoder", "digits", "shared"] == 7
    assert ("train_method", "digits", "kmeans") not in recorded
    assert read_recorded("other", tmp_path) == {}
    assert Costs(recorded).expect(DEC) == START + 5 * 3
    over = Step("sweep_method", "digits", "dec", "0-4", "2-20")
    assert over.trains
    assert Costs(recorded).expect(over) == START + 19 * 5 * 3


def test_records_of_another_machine_are_stretched_by_what_this_run_took():
    recorded = {("train_method", "digits", method): 3.0 for method in ("dec", "idec")}
    costs = Costs(recorded)
    costs.measure(DEC, 2 * (START + 15))
    assert costs.expect(Step("train_method", "digits", "idec", "0-4")) == 2 * (START + 15)


def test_what_this_run_measured_comes_first_then_its_rule_its_kind_and_a_constant():
    costs = Costs({("train_method", "digits", "dec"): 3.0})
    costs.measure(DEC, 50)
    costs.measure(Step("train_method", "wine", "dec", "0-4"), 10)
    assert costs.expect(Step("train_method", "digits", "dec", "5-9")) == 50
    assert costs.expect(Step("train_method", "wine", "vade", "0-4")) == 30
    assert costs.expect(Step("pretrain_autoencoder", "wine", "shared", "0-4")) == 30
    assert costs.expect(Step("write_tables")) == START
    costs.measure(Step("evaluate_method", "wine", "dec"), 8)
    assert costs.expect(Step("write_tables")) == 8
    assert Costs().expect(DEC) == TRAINING
