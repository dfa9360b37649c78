"""Real data and bad arguments for each hypermodel snippet.

A function named after a snippet returns its training and validation
pairs, and a list of (arguments it must refuse, the message). Snippets
without one take flat digits.
"""


def digits():
    from snippets.data.load_images import load_images

    images = load_images("digits")
    too_small = "features must be at least 1"
    refused = [
        ({"features": 0}, too_small),
        ({"classes": 1}, too_small),
    ]
    return images.train, images.validation, refused


def convolutional_network():
    from snippets.data.load_images import load_images

    images = load_images("digits")
    train, validation = (
        (x.reshape(-1, 8, 8), y)
        for x, y in (images.train, images.validation)
    )
    refused = [
        ({"height": 7}, "height and width must be at least 8"),
        ({"width": 4}, "not 8, 4 and 10"),
        ({"classes": 1}, "classes at least 2"),
    ]
    return train, validation, refused


def tabular_classifier():
    from sklearn.datasets import load_breast_cancer
    from sklearn.model_selection import train_test_split

    x, y = load_breast_cancer(return_X_y=True)
    x_train, x_validation, y_train, y_validation = train_test_split(
        x, y, test_size=0.25, stratify=y, random_state=1
    )
    refused = [
        ({"features": 0}, "features must be at least 1"),
        ({"classes": 1}, "classes at least 2, not 30 and 1"),
    ]
    return (x_train, y_train), (x_validation, y_validation), refused


def regressor():
    from sklearn.datasets import load_diabetes
    from sklearn.model_selection import train_test_split

    x, y = load_diabetes(return_X_y=True, scaled=False)
    x_train, x_validation, y_train, y_validation = train_test_split(
        x, y, test_size=0.25, random_state=1
    )
    refused = [({"features": 0}, "features must be at least 1, not 0")]
    return (x_train, y_train), (x_validation, y_validation), refused


def multi_label_classifier():
    import numpy as np

    from snippets.data.load_images import load_images

    images = load_images("digits")

    def labels(digit):
        """Even, above four, drawn with a closed loop."""
        facts = (
            digit % 2 == 0,
            digit > 4,
            np.isin(digit, [0, 6, 8, 9]),
        )
        return np.stack(facts, axis=1).astype("float32")

    train, validation = (
        (x, labels(y)) for x, y in (images.train, images.validation)
    )
    too_small = "features and labels must be at least 1"
    refused = [({"features": 0}, too_small), ({"labels": 0}, too_small)]
    return train, validation, refused


def text_classifier():
    import inspect
    import statistics
    import urllib.request

    import numpy as np

    texts, labels = [], []
    for label, module in enumerate((statistics, np, urllib.request)):
        found = {
            inspect.getdoc(thing) for thing in vars(module).values()
        }
        found = sorted(text for text in found if text)[:120]
        texts += found
        labels += [label] * len(found)
    order = np.random.default_rng(1).permutation(len(texts))
    x, y = np.array(texts)[order], np.array(labels)[order]
    refused = [({"classes": 1}, "classes must be at least 2, not 1")]
    return (x[:160], y[:160]), (x[160:], y[160:]), refused


def table_model():
    import numpy as np
    import tensorflow as tf

    random = np.random.default_rng(1)
    numbers = random.normal(50, 9, (200, 1)).astype("float32")
    y = (numbers[:, 0] > 50).astype(int)
    numbers[::7] = np.nan
    texts = np.where(random.random(200) < 0.3, "kind=a", "kind=b")
    inputs = {
        "numbers": numbers,
        "categories": tf.constant(texts[:, None]),
    }

    def part(rows):
        return {name: x[rows] for name, x in inputs.items()}, y[rows]

    refused = [
        ({"numbers": 0}, "give one column or more"),
        ({"classes": 1}, "2 classes or more, not 1 and 1"),
    ]
    return part(slice(0, 140)), part(slice(140, 200)), refused


def picture_model():
    import numpy as np

    random = np.random.default_rng(1)
    y = np.arange(160) % 2
    x = random.integers(0, 200, (160, 32, 32, 3)).astype("uint8")
    x[..., 0] += (40 * y)[:, None, None].astype("uint8")
    refused = [
        ({"size": 8}, "size must be at least 16"),
        ({"classes": 1}, "classes at least 2, not 32 and 1"),
    ]
    return (x[:120], y[:120]), (x[120:], y[120:]), refused


def text_model():
    import tensorflow as tf

    train, validation, refused = text_classifier()
    train, validation = (
        (tf.constant(list(x)), y) for x, y in (train, validation)
    )
    refused += [({"texts": ["", " "]}, "there are only empty texts")]
    return train, validation, refused


def series_model():
    import numpy as np

    wave = np.sin(np.arange(300) / 5).astype("float32") + 20
    x = np.lib.stride_tricks.sliding_window_view(wave, 16)[:-1]
    y = wave[16:]
    refused = [({"length": 3}, "length must be at least 4, not 3")]
    return (x[:200], y[:200]), (x[200:], y[200:]), refused


def arguments(name):
    """Return what a hypermodel needs to be one for its real data."""
    if name == "table_model":
        kinds = ["kind=a", "kind=b"]
        return {"categories": kinds, "texts": 1, "classes": 2}
    if name == "text_model":
        (x, _), *_ = text_classifier()
        return {"texts": x, "classes": 3}
    return {}
