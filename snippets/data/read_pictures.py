"""Pictures of any size, as one array."""

import numpy as np
from PIL import Image, ImageOps


def read_pictures(paths, size=64):
    """Return pictures as integers 0 to 255, (pictures, size, size, 3).

    `paths` are files of any format that Pillow reads, in colour or
    gray, of 8 or 16 bits, of any size. Each is turned as its camera was
    held, shrunk or grown to fit, and put in the middle of a black
    square; what is transparent becomes white.

    Raises ValueError that lists all files that are no pictures.

    Source: https://pillow.readthedocs.io/en/stable/
    """
    pictures = np.zeros((len(paths), size, size, 3), "uint8")
    broken = []
    unreadable = OSError, SyntaxError, ValueError
    unreadable += (Image.DecompressionBombError,)
    for number, path in enumerate(paths):
        try:
            with Image.open(path) as picture:
                picture = ImageOps.exif_transpose(picture)
                if picture.mode[0] == "I":  # of 16 bits
                    eight = np.asarray(picture) // 257
                    picture = Image.fromarray(eight.astype("uint8"))
                if picture.mode == "F":
                    raise ValueError
                picture = picture.convert("RGBA")
        except unreadable:
            broken.append(str(path))
            continue
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture).convert("RGB")
        pictures[number] = ImageOps.pad(picture, (size, size))
    if broken:
        raise ValueError(f"these are no pictures: {', '.join(broken)}")
    return pictures
