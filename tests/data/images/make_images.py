"""Makes the small pictures in this folder, and golden.bin: what transformers and open_clip make of
them (tests/unit/test_image.c says how it is laid out); the same for kinds/ and test_image_kinds.c. Run from anywhere; needs the packages of the
parity tests. Pillow writes the files, so another version of it may write other bytes."""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "parity"))

import struct  # noqa: E402

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

from pixel_tools import (Config, exif, image_of, jpeg, make_png, noise, png_chunk, reference, save,  # noqa: E402
                         write)
from test_pixels import MASKS, gif_bytes, make_bmp, photo, png_of, rows_of  # noqa: E402

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


# Every kind of file that a decoder tells apart, in the order of test_image_kinds.c.
KINDS = HERE / "kinds"
KIND_NAMES = ["bilevel.bmp", "grey.bmp", "os2.bmp", "rle8.bmp", "rle4.bmp", "rgb555.bmp", "rgb565.bmp", "masks555.bmp",
              "masks24.bmp", "rgbx.bmp", "rgba.bmp", "masks32.bmp", "rgb.dib", "grey_hole.png", "rgb_hole.png",
              "bilevel_hole.png", "grey2.png", "grey4.png", "palette1.png", "palette2.png", "palette_hole.png",
              "grey_alpha16.png", "rgba16.png", "xmp.png", "xmp_value.png", "animated.webp", "exif.webp", "xmp.webp",
              "xmp.jpg", "exif_big.jpg", "grey.gif", "smaller.gif", "plain.pbm", "plain.pgm", "plain.ppm", "small.pgm",
              "small.ppm", "deep.pgm", "deep.ppm"]


def make_bmp_kinds():
    save(KINDS / "bilevel.bmp", image_of("1", 13, 9))
    save(KINDS / "grey.bmp", image_of("L", 13, 9))
    palette = noise(256, 1, 4, 2)[0]
    write(KINDS / "os2.bmp", make_bmp(13, 9, 4, rows_of(13, 9, 4), palette[:16, :3].tobytes(), header=12))
    rle8 = (b"\x05\x07\x08\x09\0\0" b"\0\x05\x01\x02\x03\x04\x05\0\x08\x0b\0\0"
            b"\x02\x03\0\x02\x04\x01\x03\x06\0\0" b"\x0d\x11\0\0" b"\x0d\x22\0\0" b"\0\x01")
    rle4 = (b"\x05\x17\x08\x29\0\0" b"\0\x05\x12\x34\x50\0\x08\x3b\0\0"
            b"\x02\x43\0\x02\x04\x01\x03\x56\0\0" b"\x0d\x61\0\0" b"\x0d\x72\0\0" b"\0\x01")
    write(KINDS / "rle8.bmp", make_bmp(13, 5, 8, rle8, palette.tobytes(), 1))
    write(KINDS / "rle4.bmp", make_bmp(13, -5, 4, rle4, palette[:16].tobytes(), 2))
    write(KINDS / "rgb555.bmp", make_bmp(13, 9, 16, rows_of(13, 9, 16)))

    def masked(name, bits, masks, header, height=9):
        packed = struct.pack(f"<{len(masks)}I", *masks)
        write(KINDS / name, make_bmp(13, height, bits, rows_of(13, height, bits), b"", 3,
                                     packed[:12] if header == 40 else packed, header))
    masked("rgb565.bmp", 16, MASKS[16][0], 40)
    masked("masks555.bmp", 16, MASKS[16][1], 56)
    masked("masks24.bmp", 24, MASKS[24][0], 108)
    masked("rgba.bmp", 32, MASKS[32][4], 124)
    masked("masks32.bmp", 32, MASKS[32][2], 40, -9)
    write(KINDS / "rgbx.bmp", make_bmp(13, -9, 32, rows_of(13, 9, 32)))
    write(KINDS / "rgb.dib", save(KINDS / "rgb.bmp", image_of("RGB", 13, 9)).read_bytes()[14:])
    (KINDS / "rgb.bmp").unlink()


def make_png_kinds():
    for name, color_type, depth in (("grey_hole", 0, 8), ("rgb_hole", 2, 8), ("bilevel_hole", 0, 1)):
        channels = 3 if color_type == 2 else 1
        samples = noise(13, 9, channels, 3).reshape(9, 13, channels).astype(int) >> (8 - depth)
        samples[::2] = samples[0, 0]
        value = struct.pack(f">{channels}H", *map(int, samples[0, 0]))
        write(KINDS / f"{name}.png", make_png(samples, color_type, depth, before=[(b"tRNS", value)]))
    for name, color_type, depth in (("grey2", 0, 2), ("grey4", 0, 4), ("palette1", 3, 1), ("palette2", 3, 2),
                                    ("grey_alpha16", 4, 16), ("rgba16", 6, 16)):
        write(KINDS / f"{name}.png", png_of(color_type, depth, 13, 9, False))
    hole = [(b"PLTE", bytes(range(12))), (b"tRNS", b"\xff\0\xff\xff")]
    write(KINDS / "palette_hole.png", make_png(noise(13, 9, 1, 4).reshape(9, 13, 1) % 4, 3, 8, before=hole))
    for name, text in (("xmp", b'<x tiff:Orientation="6"/>'),
                       ("xmp_value", b"tiff:Orientation <tiff:Orientation>8</tiff:Orientation>")):
        png = png_of(2, 8, 13, 9, False)
        itxt = png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0en\0x\0" + text)
        write(KINDS / f"{name}.png", png[:33] + itxt + png[33:])


def make_other_kinds():
    opaque = [image_of("RGB", 13, 9, seed) for seed in range(2)]
    data = bytearray(save(KINDS / "animated.webp", opaque[0], save_all=True, append_images=opaque[1:]).read_bytes())
    at = data.index(b"VP8X")  # the first frame away from the corner of a larger canvas
    data[at + 12:at + 18] = (19).to_bytes(3, "little") + (14).to_bytes(3, "little")
    at = data.index(b"ANMF")
    data[at + 8:at + 14] = (2).to_bytes(3, "little") + (3).to_bytes(3, "little")
    write(KINDS / "animated.webp", bytes(data))
    save(KINDS / "exif.webp", photo("RGB", 13, 9), exif=exif(6))
    save(KINDS / "xmp.webp", photo("RGB", 13, 9), xmp=b'<x tiff:Orientation="3"/>')
    write(KINDS / "xmp.jpg", jpeg(photo("RGB", 13, 9), xmp=b'<x tiff:Orientation="8"/>'))
    write(KINDS / "exif_big.jpg", jpeg(photo("RGB", 13, 9), exif=exif(7, True, kind=4)))
    write(KINDS / "grey.gif", gif_bytes(Image.frombytes("L", (16, 16), bytes(range(256))), transparency=7))
    data = bytearray(gif_bytes(image_of("P", 13, 9)))
    struct.pack_into("<HH", data, 6, 20, 15)  # a frame that is smaller than its screen
    struct.pack_into("<HH", data, data.index(b"\x2c\0\0\0\0" + struct.pack("<HH", 13, 9)) + 1, 5, 4)
    write(KINDS / "smaller.gif", bytes(data))
    raw = noise(3 * 13, 9, 1, 5).tobytes()
    big = (np.frombuffer(2 * raw, np.uint8).astype(int) * 3).astype(">u2").tobytes()
    write(KINDS / "plain.pbm", b"P1\n# c\n5 3\n0 1 0 1 1\n10101 # x\n0 0 0 1 1\n")
    write(KINDS / "plain.pgm", b"P2 4 2 255\n1 2 3 4\n# c\r250 251 252 255\n")
    write(KINDS / "plain.ppm", b"P3 2 1 15 1 2 3 15 14 13\n")
    write(KINDS / "small.pgm", b"P5\n13 9\n100\n" + bytes(byte % 101 for byte in raw[:13 * 9]))
    write(KINDS / "small.ppm", b"P6\n13 9\n7\n" + bytes(byte % 8 for byte in raw))
    write(KINDS / "deep.pgm", b"P5\n13 9\n1000\n" + big[:2 * 13 * 9])
    write(KINDS / "deep.ppm", b"P6\n13 9\n1000\n" + big[:6 * 13 * 9])


def make_golden(folder, names):
    out = b""
    for name in names:
        for config in (Config("hf", size=8, crop=8), Config("openclip", size=8, crop=8)):
            out += reference(folder / name, config).tobytes()
    (folder / "golden.bin").write_bytes(out)
    assert len(out) == len(names) * 2 * 8 * 8 * 3


if __name__ == "__main__":
    make_pictures()
    make_orientations()
    make_golden(HERE, GOLDEN)
    KINDS.mkdir(exist_ok=True)
    make_bmp_kinds()
    make_png_kinds()
    make_other_kinds()
    make_golden(KINDS, KIND_NAMES)
