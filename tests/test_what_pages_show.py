"""What pages say is what they printed when they were executed.

They show it without an assert: a new version that makes a sentence
wrong fails here.
"""

import re

import pandas as pd
import pytest
from helpers import executed, page_tables

pytestmark = pytest.mark.process


def table(page, column):
    """Return the one table of a page that has a column, as texts."""
    (found,) = (t for t in page_tables(page) if column in t[0])
    header, *rows = found
    return pd.DataFrame(rows, columns=header).set_index(header[0])


def printed(page, pattern):
    """Return all that a pattern finds in what a page prints."""
    cells = executed(page).cells
    outputs = (o for cell in cells for o in cell.get("outputs", ()))
    text = "".join(output.get("text", "") for output in outputs)
    return re.findall(pattern, text)


def test_a_generator_feeds_one_trial_and_all_else_every_trial():
    ways = table("data_pipelines", "batches").T
    first, second, batches = ways.pop("generator")
    assert (first, second) == ("COMPLETED", "FAILED")
    assert 4 < int(batches.strip("[]")) < 8
    assert len(ways.columns) == 5
    for way in ways:
        assert [*ways[way]] == ["COMPLETED", "COMPLETED", "[8, 8]"]


def test_a_batch_size_is_tuned_by_batching_in_fit():
    batches = table("data_pipelines", "BatchedInFit")["BatchedInFit"]
    assert batches.to_dict() == {"50": "4", "200": "2"}


def test_a_small_shuffle_buffer_gives_few_labels():
    drawn = table("data_pipelines", "9") != "0"
    one, few, many = drawn.sum(axis=1)
    assert 1 == one <= few < many


def test_a_source_is_read_each_epoch_each_trial_or_once():
    """Not cached, cached in fit, cached before the search."""
    reads = printed("data_pipelines", r"read (\d) times")
    assert reads == ["4", "2", "1"]


def test_a_text_model_comes_back_without_its_words():
    assert printed("data_pipelines", r"words known: (\d+)") == ["2"]


def test_the_tuners_seed_fixes_values_and_both_seeds_the_scores():
    seeds = table("reproducible_searches", "same scores")
    assert [*seeds["same values"]] == ["False", "True", "True", "True"]
    assert [*seeds["same scores"]] == ["False", "True", "False", "True"]


def test_a_loaded_model_knows_the_means_of_the_training_rows_alone():
    pattern = r"means of (\w+) rows: (\w+)"
    means = dict(printed("preprocessing", pattern))
    assert means == {"training": "True", "all": "False"}


def test_images_are_moved_in_training_only():
    pattern = r"training=(\w+): unchanged is (\w+)"
    unchanged = dict(printed("convolutional_network", pattern))
    assert unchanged == {"False": "True", "True": "False"}


def test_dropout_and_shifts_have_no_parameters():
    counts = printed("convolutional_network", r"\} ([\d,]+) parameters")
    plain, blocks, filters, moved = counts
    assert plain == moved and len({plain, blocks, filters}) == 3


def test_a_retry_helps_against_an_exception():
    assert printed("failed_trials", "raise: 3 attempts, COMPLETED, 1.0")


def test_nan_fails_a_trial_in_its_first_epoch_but_not_in_its_last():
    ends = dict(printed("failed_trials", r"NaN in (\w+).*: (.+)"))
    kept = "COMPLETED, 0.7"
    assert ends == {"never": kept, "first": "FAILED, nan", "last": kept}


def test_a_trial_without_training_completes_and_leaves_no_weights():
    pattern = r"(\w+) units: (\w+), weights saved: (\w+)"
    small, large = printed("failed_trials", pattern)
    assert small == ("8", "COMPLETED", "True")
    assert large == ("4096", "COMPLETED", "False")


def test_after_mending_two_stay_failed_and_the_third_runs_again():
    (statuses,) = printed("failed_trials", "then: (.+)")
    assert statuses.split() == 2 * ["FAILED"] + 4 * ["COMPLETED"]


def test_declared_in_run_trial_the_first_values_are_the_defaults():
    first = table("tune_anything", "seed").to_numpy().tolist()
    assert first == 3 * [["-5.0", "0.0"]]


def test_declared_in_run_trial_hyperband_ends_without_a_trial():
    assert printed("tune_anything", r"(\d+) trials\n") == ["0"]


def test_a_score_is_the_mean_of_a_list():
    pattern = r"(?s)mean: (\S+).*?value=\[(\S+)\]"
    ((mean, kept),) = printed("tune_anything", pattern)
    assert float(kept) == pytest.approx(float(mean))


def test_a_resumed_search_runs_only_the_rest():
    runs = printed("tune_anything", r"of (\d+) trials, (\d+) were run")
    assert runs == [("8", "8"), ("12", "4"), ("12", "0")]


def test_draws_are_uniform_on_a_linear_scale():
    draws = table("how_tuners_choose", "sampling").loc["linear"]
    even = pytest.approx([0.01, 0.09, 0.9], abs=0.03)
    assert [*draws.astype(float)] == even


def test_of_equal_scores_the_older_trials_are_promoted():
    pattern = r"promoted in bracket 2: \['0000', '0001', '0002'\]"
    assert printed("how_tuners_choose", pattern)


def test_copies_on_both_sides_of_a_split_flatter():
    """And the most memory there is, one neighbour, is chosen."""
    pattern = r"split by row: k=(\d+), claims ([\d.]+), worth ([\d.]+)"
    ((k, claims, worth),) = printed("train_validation_test", pattern)
    assert k == "1" and float(claims) > float(worth) + 0.1


def test_soft_placement_goes_to_the_cpu_where_a_gpu_is_missing():
    if not printed("on_a_gpu", "GPUs: 0"):
        pytest.skip("the page was executed with a GPU")
    soft, hard = printed("on_a_gpu", r"soft placement \w+: (.+)")
    assert soft == "CPU:0" and "PU:" not in hard


def test_a_wrapped_optimizers_learning_rate_is_set_as_before():
    assert printed("on_a_gpu", r"learning rate (\S+)") == ["0.002"]


def test_rows_scaled_outside_spoil_a_model_that_scales():
    pattern = r"(?:raw rows|scaled outside): +(\S+)"
    raw, scaled = map(float, printed("retrain_and_ship", pattern))
    assert scaled < raw - 0.1


def test_a_file_without_the_optimizer_is_smaller():
    pattern = r"with optimizer (\S+) bytes, without (\S+)"
    ((large, small),) = printed("retrain_and_ship", pattern)
    assert int(small.replace(",", "")) < int(large.replace(",", ""))


def test_a_tracker_gets_the_status_of_completed_and_failed_trials():
    trials = table("experiment_trackers", "val_accuracy")["status"]
    runs = table("experiment_trackers", "metrics.score")["status"]
    assert set(trials) == {"COMPLETED", "FAILED"}
    expected = trials.replace("COMPLETED", "FINISHED").to_dict()
    assert runs.to_dict() == expected
    assert printed("experiment_trackers", "Oversized model")


def test_tensorboard_gets_the_status_of_each_trial():
    ended = table("hparams_in_tensorboard", "ended")["ended"]
    assert set(ended) == {"STATUS_SUCCESS"}
    assert printed("hparams_in_tensorboard", "HPARAMS enabled: True")


def test_for_a_list_of_objectives_a_dictionary_needs_the_sum():
    pattern = r"(?m)^Expected .+|^[\d.]+ [\d.]+$"
    without, scores = printed("multiple_objectives", pattern)
    assert "multi_objective" in without and scores[0].isdigit()


def test_decay_is_ignored_with_a_warning_and_a_schedule_is_not():
    assert printed("versions", "`decay` .* ignored")
    rates = map(float, printed("versions", r"learning rate: ([\d.]+)"))
    assert [*rates] == pytest.approx([0.1, 0.05])


def test_few_checkpoints_takes_less_than_a_tenth_of_the_disk():
    sizes = table("growing_searches", "as the page says").loc["200"]
    plain, few = sizes.astype(int)
    assert few < plain / 10
