"""What is to be cited is whole, and says of the records what they say."""

import lzma
import re

import numpy as np
import pytest
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema
from helpers import EVIDENCE, ROOT
from jsonschema import Draft7Validator

CITED = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
DATA = [each for each in CITED["references"] if each["type"] == "data"]


def provenance(path):
    """Return on which day a record was made, and with which versions."""
    if path.suffix == ".npz":
        text = str(np.load(path)["provenance"])
    else:
        open_ = lzma.open if path.suffix == ".xz" else open
        with open_(path, "rt", encoding="utf-8") as file:
            text = "".join(next(file).lstrip("# ") for _ in range(5))
    (day,) = re.findall(r"(?m)^on (\d{4}-\d\d-\d\d), Python", text)
    return day, text.splitlines()[3]


def test_the_file_is_what_the_schema_of_such_files_asks():
    schema = get_builtin_schema("vendor.citation-file-format")
    errors = Draft7Validator(schema).iter_errors(CITED)
    assert not [error.message for error in errors]


def test_it_names_this_project_as_its_packaging_does():
    packaging = (ROOT / "pyproject.toml").read_text("utf-8")
    for key in "version", "license":
        assert f'{key} = "{CITED[key]}"' in packaging
    config = (ROOT / "mkdocs.yml").read_text("utf-8")
    assert f"site_name: {CITED['title']}\n" in config


@pytest.mark.parametrize("cited", DATA, ids=lambda it: it["filename"])
def test_a_record_is_cited_with_its_date_and_versions(cited):
    paths = list(ROOT.glob(cited["filename"]))
    assert paths
    said = cited["date-released"], cited["notes"]
    assert {provenance(path) for path in paths} == {said}


def test_all_that_was_recorded_to_be_asked_is_cited():
    cited = {path for it in DATA for path in ROOT.glob(it["filename"])}
    asked = {
        path
        for pattern in (
            "curves_*",
            "problem_*",
            "less_data.npz",
            "races*",
            "advice.csv",
        )
        for path in EVIDENCE.glob(pattern)
    }
    assert cited == asked


def test_each_recorded_problem_has_its_data_named():
    notes = " ".join(
        it["notes"]
        for it in CITED["references"]
        if it["type"] == "software"
    )
    for path in EVIDENCE.glob("problem_*.npz"):
        name = path.stem.removeprefix("problem_")
        assert re.search(rf"\b{name}\b", notes), name
