"""Seeds whose searches have nothing to do with each other."""

APART = 1_000_003  # a prime: no remainder repeats sooner than it must


def independent_seeds(count):
    """Return `count` seeds for repeats of a search, the same each time.

    Keras Tuner adds one to its seed for each value that it draws. So
    with six hyperparameters the searches with seeds 1 and 7 try the
    same configurations, one trial later, and their results are one
    result told twice. These seeds lie a million apart, and a search
    would have to draw as many values to reach the next.

    Raises ValueError if `count` is below 1 or above 4,000, not far from
    where seeds would grow larger than NumPy takes.

    Source: `Oracle._random_values` of Keras Tuner,
    https://github.com/keras-team/keras-tuner
    """
    if not 1 <= count <= 4000:
        raise ValueError(f"count must be 1 to 4,000, not {count}")
    return [1 + APART * number for number in range(count)]
