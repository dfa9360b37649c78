"""Rows of a table as a model takes them: numbers and texts."""

import numpy as np
import tensorflow as tf


def table_inputs(rows, columns):
    """Return columns of a data frame as a dict of numbers and texts.

    `rows` is a data frame; `columns` names those to use, in order, each
    with None if it holds numbers, else with its known texts. Returns
    `numbers`, float32 (rows, columns of numbers), and `categories`, a
    tensor of texts (rows, columns of texts), each "column=text", so
    that one vocabulary holds those of all; of neither, if there is no
    such column.

    Raises ValueError if a column is missing, or holds texts, or numbers
    too large for 32 bits, where there were numbers.

    Source: https://keras.io/guides/preprocessing_layers/
    """
    if missing := [name for name in columns if name not in rows]:
        raise ValueError(f"the table lacks the columns {missing}")
    numbers = [name for name in columns if columns[name] is None]
    texts = [name for name in columns if columns[name] is not None]
    inputs = {}
    for name in numbers:
        try:
            # A column without any number was read as empty texts.
            cells = rows[name].replace("", np.nan).astype(float)
            if (cells.abs() >= 1e18).any():  # as read_table has it
                raise ValueError("a number is infinite or too large")
        except ValueError as error:
            raise ValueError(f"column {name!r}: {error}") from None
    if numbers:
        cells = rows[numbers].replace("", np.nan)
        inputs["numbers"] = cells.to_numpy("float32")
    if texts:
        cells = [f"{name}=" + rows[name].astype(str) for name in texts]
        inputs["categories"] = tf.constant(np.stack(cells, axis=1))
    return inputs
