"""The tutorial's search repeated: the record, and what follows from it."""

import itertools
import random
import re
import statistics

import pytest
from helpers import EVIDENCE, ROOT, executed, page_tables, program, read
from scipy import stats

RECORD = EVIDENCE / "random_searches.csv"
TUTORIAL = ROOT / "tutorials/random_search.py"


@pytest.fixture(scope="module")
def rows():
    numbers = "validation_accuracy", "test_accuracy", "epochs"
    return [
        row | {name: float(row[name]) for name in numbers}
        for row in read(RECORD)[0]
    ]


def of(rows, model, search=None):
    return [
        row
        for row in rows
        if row["model"] == model and search in (None, row["search"])
    ]


def test_the_record_is_whole(rows):
    repeat = program("repeat_random_search")
    assert tuple(read(RECORD)[0][0]) == repeat.COLUMNS
    assert len(of(rows, "untuned")) == repeat.UNTUNED
    assert len(of(rows, "checkpoint")) == repeat.SEARCHES
    for number in range(1, repeat.SEARCHES + 1):
        assert len(of(rows, "tuned", str(number))) == repeat.RUNS


def test_program_and_tutorial_search_alike():
    repeat = program("repeat_random_search")
    text = TUTORIAL.read_text("utf-8")
    found = re.search(r"EPOCHS, PATIENCE = (\d+), (\d+)", text)
    assert tuple(map(int, found.groups())) == (
        repeat.EPOCHS,
        repeat.PATIENCE,
    )
    assert f"max_trials={repeat.TRIALS}," in text
    assert text.count("2 * PATIENCE") == 2  # of the untuned network


def test_no_training_ended_because_its_epochs_did(rows):
    limit = program("repeat_random_search").EPOCHS
    for row in of(rows, "untuned") + of(rows, "tuned"):
        assert int(row["best_epoch"]) < row["epochs"] < limit, row


def gains(rows):
    """Return both gains of each search, from the definitions alone."""
    plain = of(rows, "untuned")
    mean = statistics.mean(row["test_accuracy"] for row in plain)
    epochs = statistics.mean(row["epochs"] for row in plain)
    chance = random.Random(1)
    for checkpoint in of(rows, "checkpoint"):
        tuned = of(rows, "tuned", checkpoint["search"])
        tests = [row["test_accuracy"] for row in tuned]
        count = round(checkpoint["epochs"] / epochs)
        best = [
            max(
                chance.sample(plain, count),
                key=lambda row: row["validation_accuracy"],
            )["test_accuracy"]
            for _ in range(4000)
        ]
        yield (
            statistics.mean(tests) - mean,
            checkpoint["test_accuracy"] - statistics.mean(best),
        )


@pytest.mark.process
def test_the_table_of_the_page_follows_from_the_record(rows):
    (table,) = (
        table
        for table in page_tables("how_sure")
        if "searches that gained" in table[0]
    )
    for shown, found in zip(
        table[1:], zip(*gains(rows), strict=True), strict=True
    ):
        mean, low, high = map(float, shown[1:4])
        error = statistics.stdev(found) / len(found) ** 0.5
        half = stats.t.ppf(0.975, len(found) - 1) * error
        assert mean == pytest.approx(statistics.mean(found), abs=5e-4)
        assert low == pytest.approx(mean - half, abs=1e-3)
        assert high == pytest.approx(mean + half, abs=1e-3)


def test_the_gains_at_the_top_of_the_tutorial_are_the_records(rows):
    head = " ".join(TUTORIAL.read_text("utf-8")[:1500].split("\n# "))
    found = re.search(
        r"gained ([\d.]+) points of test accuracy on average, "
        r"from (-?[\d.]+) to ([\d.]+)",
        head,
    )
    gained = [100 * gain for _, gain in gains(rows)]
    expected = statistics.mean(gained), min(gained), max(gained)
    for said, is_so in zip(found.groups(), expected, strict=True):
        assert float(said) == pytest.approx(is_so, abs=0.07)


def test_over_searches_the_tuned_model_is_ahead(rows):
    for found in zip(*gains(rows), strict=True):
        error = statistics.stdev(found) / len(found) ** 0.5
        half = stats.t.ppf(0.975, len(found) - 1) * error
        assert statistics.mean(found) > half


@pytest.mark.process
def test_no_training_of_the_tutorial_was_cut_short():
    texts = "".join(
        output.get("text", "")
        for cell in executed("random_search").cells
        for output in cell.get("outputs", ())
    )
    (longest,) = re.findall(r"the longest trial (\d+)", texts)
    assert int(longest) < 100
    lists = re.findall(r"best epochs \[(.+?)\]", texts)
    assert len(lists) == 2
    for numbers in itertools.chain(
        *(each.split(",") for each in lists)
    ):
        assert int(re.search(r"\d+", numbers)[0]) < 90
