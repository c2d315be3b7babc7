"""pictures.py FOLDER N WIDTH: N different JPEG files, WIDTH wide and about three quarters as high.

The repository's photographs, mirrored, cut and with their contrast changed: no two files are the same,
and all of them cost what photographs cost to decode.
"""

import pathlib
import random
import sys

from PIL import Image, ImageEnhance, ImageOps

PHOTOS = pathlib.Path(__file__).resolve().parents[3] / "tests/data/photos"


def variation(photo, width, chance):
    """A random part of at least 80 % of each side, at 4:3 within a few pixels."""
    share = chance.uniform(0.8, 1)
    w, h = int(photo.width * share), int(photo.height * share)
    x, y = chance.randrange(photo.width - w + 1), chance.randrange(photo.height - h + 1)
    part = photo.crop((x, y, x + w, y + h))
    part = part.resize((width, width * 3 // 4 + chance.randrange(-2, 3)), Image.Resampling.BICUBIC)
    if chance.random() < 0.5:
        part = ImageOps.mirror(part)
    return ImageEnhance.Contrast(part).enhance(chance.uniform(0.7, 1.3))


def main(folder, n, width):
    folder = pathlib.Path(folder)
    folder.mkdir()
    chance = random.Random(1)
    photos = [Image.open(path).convert("RGB") for path in sorted(PHOTOS.glob("*.jpg"))]
    for i in range(int(n)):
        picture = variation(photos[i % len(photos)], int(width), chance)
        picture.save(folder / f"{i:05}.jpg", quality=90)


if __name__ == "__main__":
    main(*sys.argv[1:])
