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
