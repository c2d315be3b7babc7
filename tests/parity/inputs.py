"""Pictures and prompts that the parity tests run on."""

import random

import numpy as np
from PIL import Image

PROMPTS = [
    "a photo of a cat.",
    "a photo of a dog.",
    "a",
    "",
    "   ",
    "A PHOTO of a Dog!!!",
    "don't you'll I'M we've they'd it's",
    "na\u00efve caf\u00e9 \u2013 Stra\u00dfe",
    "cafe\u0301 in combining form",
    "\u0130stanbul and I\u0307",
    "\u03b5\u03bb\u03bb\u03b7\u03bd\u03b9\u03ba\u03ac",
    "\u0424\u043e\u0442\u043e\u0433\u0440\u0430\u0444\u0438\u044f \u041a\u041e\u0428\u041a\u0418",
    "a photo of a \u732b\u3068\u72ac",
    "\ud55c\uad6d\uc5b4 \ud14d\uc2a4\ud2b8",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467 emoji \U0001f431!",
    "1234567890 3.14 \u00bd m\u00b2",
    "middle <|endoftext|> of <|startoftext|> text",
    "middle <end_of_text> of <start_of_text> text",
    "tabs\tand\nnewlines  and   runs",
    "no\u00a0break \u3000 ideographic",
    "&lt;b&gt; &amp;amp; html",
    "punctuation: (a) [b] {c} #hash @at $5 50% ~^`|\\",
    "the quick brown fox jumps over the lazy dog " * 12,
    "x" * 500,
    "antidisestablishmentarianism electroencephalographically",
]

LABELS = ["cat", "golden retriever", "red panda", "caf\u00e9", "\u732b", "truck", "O'Reilly"]
TEMPLATES = ["a photo of a {}.", "itap of a {}.", "a bad photo of the {}.", "{}", "{} and {}"]


def scene(height, width, seed):
    """(height, width, 3): colour gradients, edges and noise, different for every seed."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / max(height, width, 2)
    image = np.zeros((height, width, 3))
    for channel in range(3):
        a, b, c = rng.uniform(-6, 6, 3)
        image[..., channel] = 128 + 90 * np.sin(a * x + b * y + c)
    for _ in range(4):
        top, left = rng.integers(0, height), rng.integers(0, width)
        h, w = rng.integers(1, height + 1), rng.integers(1, width + 1)
        image[top : top + h, left : left + w] += rng.uniform(-80, 80, 3)
    image += rng.normal(0, 12, image.shape)
    return image.clip(0, 255).astype(np.uint8)


def make_pictures(folder):
    """Writes the pictures and returns their paths. Lossless, but for the JPEGs at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []

    def save(image, name, **options):
        paths.append(folder / name)
        image.save(paths[-1], **options)

    rgb = lambda height, width, seed: Image.fromarray(scene(height, width, seed))
    for i, (height, width) in enumerate([(224, 224), (200, 300), (301, 199), (480, 640), (17, 23),
                                         (1, 1), (9, 400), (500, 7), (33, 32)]):
        save(rgb(height, width, i), f"rgb-{width}x{height}.png")
    save(rgb(120, 90, 20).convert("L"), "grey.png")
    save(rgb(90, 130, 21).convert("1"), "bilevel.png")
    save(rgb(110, 140, 22).convert("P", palette=Image.Palette.ADAPTIVE, colors=64), "palette.png")
    alpha = Image.fromarray(scene(150, 100, 30)[..., 0])
    save(Image.merge("RGBA", (*rgb(150, 100, 23).split(), alpha)), "rgba.png")
    save(Image.merge("LA", (rgb(150, 100, 24).convert("L"), alpha)), "grey-alpha.png")
    save(rgb(100, 110, 25).convert("P", palette=Image.Palette.ADAPTIVE, colors=32),
         "palette-transparent.png", transparency=3)
    deep = (scene(80, 70, 26)[..., 0].astype(np.uint16) << 2)
    save(Image.fromarray(deep), "grey16.png")
    save(rgb(70, 95, 27), "picture.bmp")
    save(rgb(75, 65, 28), "picture.ppm")
    save(rgb(64, 64, 29).quantize(32), "picture.gif")
    save(rgb(66, 77, 31), "lossless.webp", lossless=True)
    save(rgb(301, 402, 40), "picture.jpg", quality=90)
    save(rgb(250, 180, 41), "progressive.jpg", quality=75, progressive=True, subsampling=0)
    save(rgb(123, 210, 42).convert("L"), "grey.jpg", quality=85)
    save(rgb(123, 210, 43).convert("CMYK"), "cmyk.jpg", quality=92)
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turned by 90 degrees
    save(rgb(160, 240, 44), "turned.jpg", quality=90, exif=exif)
    return paths


def shuffled(items, seed):
    """The items in another order, and the place of each in it."""
    order = list(range(len(items)))
    random.Random(seed).shuffle(order)
    return [items[i] for i in order], order
