"""Predict with the network that search.py kept: python predict.py PATH

#: kind=table
PATH is a table with the columns that it learned from. Prints a line per
row.
#: kind=pictures
PATH is a picture, or a folder of them. Prints a line per picture.
#: kind=texts
PATH is a table with the column of texts that it learned from, a text
file, or a folder of these. Prints a line per text.
#: kind=series
PATH is a table with the columns that it learned from. Prints the time
of the next step, and the value expected there.
#:
"""

import argparse
import json
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf


def main(path):
    """Print the predictions."""
    kept = Path(__file__).with_name("model.keras")
    if not kept.exists():
        raise ValueError("no model.keras beside it: run search.py first")
    model = keras.models.load_model(kept)
    with zipfile.ZipFile(kept) as file:
        about = json.loads(file.read("about.json"))
    #: kind=table
    columns = about["columns"]
    texts = [name for name in columns if columns[name] is not None]
    table = read_table(path, texts, columns, decimal=about["decimal"])
    inputs = table_inputs(table, columns)
    #: kind=pictures
    folder = Path(path)
    found = sorted(folder.rglob("*")) if folder.is_dir() else [folder]
    rows = [
        each
        for each in found
        if each.suffix.lower() in PICTURES and each.name[0] != "."
    ]
    if not rows:
        raise ValueError(f"no pictures in {path}")
    inputs = read_pictures(rows, about["size"])
    #: kind=texts
    rows = read_texts(Path(path), about)
    if rows.empty:
        raise ValueError(f"{path} holds no texts: give .txt files")
    inputs = tf.constant(list(rows.str[: about["characters"]]))
    #: kind=series
    columns = [about["target"], about["time"] or about["target"]]
    table = read_table(path, only=columns)
    series = regular_series(table, about["target"], about["time"])
    inputs = series.to_numpy("float32")[None, -about["length"] :]
    if inputs.shape[1] < about["length"] or np.isnan(inputs).any():
        raise ValueError(
            f"the last {about['length']} values must be there, no gap"
        )
    step = series.attrs.get("step", series.index[-1] - series.index[-2])
    learned = about.get("step", str(step))
    try:
        same = 0.9 < pd.Timedelta(str(step)) / pd.Timedelta(learned) < 1.1
    except ValueError:  # of months, working days, numbers
        same = str(step) == learned
    if not same:
        raise ValueError(
            f"{path} has steps of {step}, the network learned {learned}"
        )
    #:
    predicted = model.predict(inputs, verbose=0)
    #: predict=class
    said = [
        f"{about['names'][row.argmax()]}\t{row.max():.3f}"
        for row in predicted
    ]
    #: predict=number
    said = [f"{row[0]:.6g}" for row in predicted]
    #: kind=table
    print(*said, sep="\n")
    #: kind=pictures
    for row, words in zip(rows, said, strict=True):
        print(f"{row}\t{words}")
    #: kind=texts
    for row, words in zip(rows.index, said, strict=True):
        print(f"{row}\t{words}")
    #: kind=series
    print(f"{series.index[-1] + step}\t{said[0]}")


#: kind=texts


def read_texts(path, about):
    """Return texts, by row of the table or by file."""
    if path.is_dir():
        found = sorted(path.rglob("*"))
    else:
        found = [path]
        if "text" in about and path.suffix.lower() != ".txt":
            column = about["text"]
            return read_table(path, [column], only=[column])[column]
    found = [each for each in found if each.suffix.lower() == ".txt"]
    return pd.Series(
        {each: read_text(each) for each in found}, dtype=str
    )


#: kind=pictures


PICTURES = (".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".png")
PICTURES += (".tif", ".tiff", ".webp")
#:


#: kind=table
from snippets.data.read_table import read_table
from snippets.data.table_inputs import table_inputs

#: kind=pictures
from snippets.data.read_pictures import read_pictures

#: kind=texts
from snippets.data.read_table import read_table
from snippets.data.read_text import read_text

#: kind=series
from snippets.data.read_table import read_table
from snippets.data.regular_series import regular_series
#:


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("path")
    try:
        main(parser.parse_args().path)
    except (OSError, ValueError) as error:
        sys.exit(f"predict.py: {error}")
