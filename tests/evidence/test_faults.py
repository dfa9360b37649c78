"""Broken searches end as the page on faults says, and none hangs."""

import csv

import pytest
from helpers import EVIDENCE, ROOT, needs_posix, program

needs_posix()
FAULTS = EVIDENCE / "faults.csv"


@pytest.fixture(scope="module")
def breaking():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENBLAS_NUM_THREADS", "1")  # for the children
        yield program("break_searches")


@pytest.fixture(scope="module")
def record():
    lines = FAULTS.read_text("utf-8").splitlines()
    rows = [line for line in lines if not line.startswith("#")]
    assert any("break_searches.py" in line for line in lines[:3])
    return list(csv.DictReader(rows))


def rows_of(breaking, fault, ways=("plain", "safe"), kills=0):
    rows = list(breaking.broken(kills, [fault], ways))
    if not rows:
        pytest.skip(f"{fault}: not possible with these rights")
    return rows


def summary(row):
    """Return what does not depend on the moment of a fault."""
    return row["seen"], row["lost"], row["repeated"], row["missing"]


@pytest.mark.process
def test_random_kills_lose_nothing_that_had_ended(breaking):
    rows = rows_of(breaking, "kill", ["safe"], kills=5)
    assert len(rows) == 20
    for row in rows:
        assert summary(row) == ("goes on", 0, 0, 0), row
        assert not row["found"].startswith("half"), row
        assert row["same"], row
    assert sum(row["finished"] for row in rows) > 20


@pytest.mark.process
def test_a_killed_search_is_mended_or_what_is_damaged_is_named(
    breaking, monkeypatch
):
    names = "RandomSearch", "Hyperband"
    monkeypatch.setitem(breaking.FAULTS, "kill", (breaking.kill, names))
    rows = rows_of(breaking, "kill", ["mended"], kills=8)
    for row in rows:
        assert row["lost"] == row["repeated"] == 0, row
        if row["seen"] == "goes on":
            assert row["missing"] == 0, row
        else:
            refused = "half of oracle.json", "nothing yet"
            assert row["found"] in refused, row


@pytest.mark.process
def test_an_interrupt_costs_a_grid_its_search(breaking, monkeypatch):
    names = "RandomSearch", "GridSearch"
    monkeypatch.setitem(
        breaking.FAULTS, "interrupt", (breaking.damage, names)
    )
    for row in rows_of(breaking, "interrupt"):
        bad = (row["tuner"], row["way"]) == ("GridSearch", "plain")
        assert row["seen"] == ("KeyError" if bad else "goes on"), row
        assert row["finished"] and not row["repeated"]


@pytest.mark.process
def test_two_processes_repeat_trials_or_one_is_refused(breaking):
    plain, safe = rows_of(breaking, "two processes")
    assert plain["seen"] == "goes on"
    assert plain["repeated"] == plain["finished"] == 12
    assert safe["seen"] == "BlockingIOError"
    assert safe["repeated"] == 0 and safe["same"]


@pytest.mark.process
def test_a_full_disk_tears_a_file_or_not(breaking):
    for row in rows_of(breaking, "full disk"):
        assert row["lost"] == 0
        if row["way"] == "safe":
            assert row["seen"] == "OSError, then goes on", row
            assert row["repeated"] == row["missing"] == 0
            assert row["same"], row
        else:
            assert "goes on" not in row["seen"], row


@pytest.mark.process
def test_a_folder_that_is_read_only_is_named_at_once(breaking):
    for row in rows_of(breaking, "read-only folder"):
        assert "Permission" in row["seen"], row


@pytest.mark.process
def test_memory_that_runs_out_costs_one_trial_or_under_hyperband_more(
    breaking,
):
    rows = rows_of(breaking, "out of memory")
    missing = {
        (row["tuner"], row["way"]): row["missing"] for row in rows
    }
    assert {row["seen"] for row in rows} == {"goes on"}
    assert missing["RandomSearch", "plain"] == 1
    assert missing["Hyperband", "plain"] > 1
    assert missing["RandomSearch", "safe"] == 0
    assert missing["Hyperband", "safe"] == 0


@pytest.mark.process
@pytest.mark.parametrize(
    "fault", ["kill of a worker", "kill of the chief"]
)
def test_what_waits_goes_on_when_the_dead_is_started_again(
    breaking, fault, tmp_path
):
    (tmp_path / "whole").mkdir()
    # As it is, a kill in the middle of a file can also end the search.
    whole, _ = breaking.uninterrupted(
        "RandomSearch", "safe", tmp_path / "whole"
    )
    row = breaking.parallel(
        fault, "RandomSearch", "safe", tmp_path, whole, wait=4
    )
    assert row["seen"].startswith("waits over 4 s; started again")
    assert row["seen"].endswith("goes on"), row
    assert row["lost"] == row["missing"] == 0, row


def test_every_search_that_the_program_promises_is_in_the_record(
    breaking, record
):
    assert tuple(record[0]) == breaking.COLUMNS
    for fault, (_, names) in breaking.FAULTS.items():
        for name in names:
            for way in breaking.ways_of(fault):
                found = [
                    row
                    for row in record
                    if (row["fault"], row["tuner"], row["way"])
                    == (fault, name, way)
                ]
                least = {"kill": 50, "damaged file": 9}.get(fault, 1)
                assert len(found) >= least, (fault, name, way)


def test_made_safe_no_search_of_the_record_lost_or_repeated_any(record):
    for row in record:
        assert row["lost"] == "0", row
        if row["way"] == "safe":
            assert row["repeated"] == "0", row
            if row["fault"] == "kill":
                assert row["seen"] == "goes on", row
                assert (
                    row["missing"] == "0" and row["same"] == "True"
                ), row


def test_the_page_has_advice_for_every_fault(breaking):
    text = (ROOT / "tutorials/how_to/faults.py").read_text("utf-8")
    for fault in breaking.FAULTS:
        assert f'"{fault}": ' in text
