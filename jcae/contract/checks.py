"""What every method must keep to, as checks that `jcae check` and the tests run, in the order in which both show them.

The data are small blobs in float32; deep methods get tiny networks and a few updates, and enough updates only where
their labels must be good.
"""

from jcae.contract import determinism, fitting, interface, odd_data, prediction, process
from jcae.contract.registry import run_check
from jcae.contract.subject import Subject, subjects

__all__ = ["CHECKS", "Subject", "run_check", "subjects"]

CHECKS = (
    interface.check_parameters,
    interface.check_scikit_learn,
    fitting.check_labels,
    fitting.check_pipeline,
    fitting.check_steps,
    determinism.check_same_seed,
    determinism.check_other_seeds,
    determinism.check_row_order,
    determinism.check_no_labels,
    process.check_process,
    odd_data.check_two_clusters,
    odd_data.check_duplicates,
    odd_data.check_bad_input,
    odd_data.check_constant,
    odd_data.check_finite,
    fitting.check_weights,
    prediction.check_predict,
    odd_data.check_blobs,
    prediction.check_far_from_zero,
    interface.check_info,
    interface.check_page,
)
