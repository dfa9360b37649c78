"""What workers are worth is recorded whole, and the page follows it."""

import statistics
import sys

import pandas as pd
import pytest
from helpers import EVIDENCE, ROOT, function, program, read

WORKERS = EVIDENCE / "workers.csv"


@pytest.fixture(scope="module")
def bench():
    return program("bench_workers")


def valid(rows, comments, bench):
    assert any("bench_workers.py" in line for line in comments)
    for row in rows:
        assert tuple(row) == bench.COLUMNS
        trial, wall, whole, cpu = (
            float(row[f"{name}_seconds"])
            for name in ("trial", "wall", "whole", "cpu")
        )
        assert 0 < trial <= wall < whole and cpu > 0
        busy = trial * int(row["trials"]) / wall  # trials at a time
        several = row["way"] == "two workers"
        assert 1 < busy <= 2 if several else 0.9 < busy <= 1
        assert float(row["memory_mib"]) > (1000 if several else 300)


def test_every_run_that_the_program_promises_is_in_the_record(bench):
    rows, comments = read(WORKERS)
    valid(rows, comments, bench)
    found = [
        (
            int(row["steps"]),
            int(row["trials"]),
            row["way"],
            row["round"],
        )
        for row in rows
    ]
    assert sorted(found) == sorted(
        (steps, trials, way, str(turn))
        for steps, trials in bench.SEARCHES.items()
        for way in bench.WAYS
        for turn in range(1, 1 + max(int(row["round"]) for row in rows))
    )


def test_the_lengths_are_those_that_are_spoken_of():
    rows, _ = read(WORKERS)
    seconds = {}
    for row in rows:
        if row["way"] == "one thread":
            times = seconds.setdefault(int(row["steps"]), [])
            times.append(float(row["trial_seconds"]))
    medians = [statistics.median(seconds[n]) for n in sorted(seconds)]
    for median, length in zip(medians, (1, 2, 5, 10, 20), strict=True):
        assert length / 1.6 < median < length * 1.6


def test_the_throughput_of_the_page_follows_from_the_record():
    page = ROOT / "tutorials/how_to/several_processes.py"
    shown = function(page, "throughput")(
        pd.read_csv(WORKERS, comment="#")
    )
    rows, _ = read(WORKERS)
    by_run = {(int(r["steps"]), r["round"], r["way"]): r for r in rows}
    lengths = sorted({steps for steps, *_ in by_run})
    assert len(shown) == len(lengths)
    for (_, line), steps in zip(shown.iterrows(), lengths, strict=True):
        for way in ("all cores", "two workers"):
            for kind in ("wall", "whole"):
                times = [
                    float(by_run[steps, turn, "one thread"][column])
                    / float(by_run[steps, turn, way][column])
                    for turn in sorted({turn for _, turn, _ in by_run})
                    for column in [f"{kind}_seconds"]
                ]
                assert line[f"{way}, {kind}"] == pytest.approx(
                    statistics.median(times)
                )


@pytest.mark.process
def test_the_program_runs_small_goes_on_and_writes_a_valid_record(
    tmp_path, bench, monkeypatch
):
    """All cores are one thread of another number."""
    ways = "one thread", "two workers"
    monkeypatch.setattr(bench, "WAYS", ways)
    output = tmp_path / "workers.csv"
    small = ["--rounds", "1", "--steps", "7", "--trials", "2"]

    def run(*words):
        words = ["bench_workers.py", *small, "--output", output, *words]
        monkeypatch.setattr(sys, "argv", [str(word) for word in words])
        bench.main()

    run("--new")
    rows, comments = read(output)
    output.unlink()
    run()
    assert read(output)[0] == rows, "run again, times would differ"
    assert [row["way"] for row in rows] == list(ways)
    assert comments[0] == "# What two workers are worth; made by"
    for row in rows:
        assert row["steps"] == "7" and row["trials"] == "2"
        assert (
            0 < float(row["wall_seconds"]) < float(row["whole_seconds"])
        )
