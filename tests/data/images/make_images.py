"""Makes the small pictures in this folder, and golden.bin: what transformers and open_clip make of
them (tests/unit/test_image.c says how it is laid out). Run from anywhere; needs the packages of the
parity tests. Pillow writes the files, so another version of it may write other bytes."""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "parity"))

from PIL import Image  # noqa: E402

from pixel_tools import Config, exif, image_of, jpeg, noise, reference, save, write  # noqa: E402
from test_pixels import gif_bytes, make_bmp, photo, png_of, rows_of  # noqa: E402

# The order in which test_image.c asks for them.
GOLDEN = ["grey.jpg", "color.jpg", "progressive.jpg", "cmyk.jpg", "bilevel.png", "palette.png",
          "palette_alpha.png", "grey_alpha.png", "rgba_interlaced.png", "grey16.png", "rgb16.png",
          "lossy.webp", "alpha.webp", "palette.gif", "interlaced.gif", "palette.bmp", "rgb.bmp",
          "color.ppm", "bilevel.pbm"]


def make_pictures():
    write(HERE / "grey.jpg", jpeg(photo("L", 21, 17)))
    write(HERE / "color.jpg", jpeg(photo("RGB", 21, 17), exif=exif(6)))
    write(HERE / "progressive.jpg", jpeg(photo("RGB", 21, 17), progressive=True, subsampling=1))
    write(HERE / "cmyk.jpg", jpeg(photo("CMYK", 21, 17)))
    save(HERE / "bilevel.png", image_of("1", 21, 17))
    write(HERE / "palette.png", png_of(3, 4, 21, 17, False))
    write(HERE / "palette_alpha.png", png_of(3, 8, 21, 17, False, True))
    save(HERE / "grey_alpha.png", image_of("LA", 21, 17))
    write(HERE / "rgba_interlaced.png", png_of(6, 8, 21, 17, True))
    save(HERE / "grey16.png", image_of("I;16", 21, 17))
    write(HERE / "rgb16.png", png_of(2, 16, 21, 17, False))
    save(HERE / "lossy.webp", photo("RGB", 21, 17), quality=70)
    save(HERE / "alpha.webp", image_of("RGBA", 21, 17), lossless=True)
    frames = [image_of("P", 21, 17, seed) for seed in (1, 2)]
    write(HERE / "palette.gif", gif_bytes(image_of("P", 21, 17), save_all=True,
                                          append_images=frames, interlace=0))
    write(HERE / "interlaced.gif", gif_bytes(image_of("P", 21, 17), transparency=3, interlace=1))
    palette = noise(16, 1, 4, 3).tobytes()
    write(HERE / "palette.bmp", make_bmp(21, 17, 4, rows_of(21, 17, 4), palette))
    save(HERE / "rgb.bmp", image_of("RGB", 21, 17))
    save(HERE / "color.ppm", image_of("RGB", 21, 17))
    write(HERE / "bilevel.pbm", b"P1\n3 2\n# a comment\n010\n1 0 1\n")


# The same upright 2 x 3 picture behind each orientation: pixels 1 to 6 row by row.
UPRIGHT = Image.frombytes("L", (2, 3), bytes([1, 2, 3, 4, 5, 6]))
STORED = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Image.Transpose that undoes it


def make_orientations():
    for orientation, method in STORED.items():
        image = UPRIGHT if method is None else UPRIGHT.transpose(method)
        save(HERE / f"orientation_{orientation}.png", image, exif=exif(orientation))


def make_golden():
    out = b""
    for name in GOLDEN:
        for config in (Config("hf", size=8, crop=8), Config("openclip", size=8, crop=8)):
            out += reference(HERE / name, config).tobytes()
    (HERE / "golden.bin").write_bytes(out)
    assert len(out) == len(GOLDEN) * 2 * 8 * 8 * 3


if __name__ == "__main__":
    make_pictures()
    make_orientations()
    make_golden()
