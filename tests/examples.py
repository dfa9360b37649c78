"""Real data and bad arguments for each hypermodel snippet.

A function named after a snippet returns its training and validation
pairs, and a list of (arguments it must refuse, the message). Snippets
without one take flat digits.
"""


def digits():
    from snippets.images import load_images

    images = load_images("digits")
    too_small = "features must be at least 1"
    refused = [
        ({"features": 0}, too_small),
        ({"classes": 1}, too_small),
    ]
    return images.train, images.validation, refused
