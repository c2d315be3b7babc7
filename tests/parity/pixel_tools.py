"""What the pixel parity tests share: the dump tool, the references, and files made by hand."""

import io
import os
import struct
import subprocess
import sys
import warnings
import zlib

import numpy as np
from PIL import Image, ImageOps

warnings.simplefilter("ignore")
PILLOW = "13.0.0"  # the version whose pixels are the reference
MEAN, STD = 0.45, 0.26  # of the first channel; the others are 0.01 and 0.02 more


class Refused(Exception):
    """The tool's error record: status and message."""


class Dump:
    """One running dump_pixels; see its head comment for the requests."""

    def __init__(self, build):
        path = os.path.join(build, "tests", "dump_pixels")
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, *fields):
        self.process.stdin.write("\t".join(map(str, fields)).encode() + b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline().decode()
        assert line, "dump_pixels died"
        word, rest = line.rstrip("\n").split(" ", 1)
        if word == "error":
            raise Refused(*rest.split(" ", 1))
        what, n = rest.rsplit(" ", 1)
        return what, self.process.stdout.read(int(n))

    def decode(self, path):
        """mode, orientation, has_transparency, pixels (height, width, ...), palette (256, 3)"""
        what, data = self.ask("decode", path)
        mode, width, height, orientation, transparency = what.split(",")
        pixels, palette = data[:-768], np.frombuffer(data[-768:], np.uint8).reshape(256, 3)
        shape = (int(height), int(width), {"LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}.get(mode, 1))
        dtype = np.dtype("<u2") if mode == "I;16" else np.dtype("u1")
        pixels = np.frombuffer(pixels, dtype).reshape(shape)
        return mode, int(orientation), transparency == "1", pixels, palette

    def rgb(self, path, config):
        size = config.image_size
        return np.frombuffer(self.ask("rgb", path, config)[1], np.uint8).reshape(size, size, 3)

    def floats(self, path, config):
        size = config.image_size
        data = self.ask("floats", path, config)[1]
        return np.frombuffer(data, np.float32).reshape(3, size, size)

    def close(self):
        self.process.stdin.close()
        assert self.process.wait() == 0


class Config:
    def __init__(self, order, mode="shortest", interpolation="bicubic", size=32, crop=None, fill=0,
                 exif=True, background=None, rescale=1 / 255, fast=False):
        self.order, self.mode, self.interpolation = order, mode, interpolation
        self.size, self.crop, self.fill = size, crop, fill
        self.exif, self.background, self.rescale = exif, background, rescale
        self.fast = fast

    @property
    def image_size(self):
        return self.crop or self.size

    @property
    def mean(self):
        return [MEAN + 0.01 * c for c in range(3)]

    @property
    def std(self):
        return [STD + 0.01 * c for c in range(3)]

    def __str__(self):
        background = "-" if self.background is None else "%02x%02x%02x" % self.background
        fields = [self.order, self.mode, self.interpolation, self.size or "-", self.crop or "-",
                  self.fill, repr(self.rescale), MEAN, STD, int(self.exif), background,
                  int(self.fast)]
        return ",".join(map(str, fields))


def huggingface_processor(config, floats):
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    size = {"shortest_edge": config.size}
    if config.mode == "squash":
        size = {"height": config.size, "width": config.size}
    crop = config.crop or config.size
    return CLIPImageProcessorPil(
        size=size, resample=3 if config.interpolation == "bicubic" else 2,
        do_resize=config.size is not None, do_center_crop=config.crop is not None,
        crop_size={"height": crop, "width": crop}, do_rescale=floats, do_normalize=floats,
        rescale_factor=config.rescale, image_mean=config.mean, image_std=config.std)


def huggingface(path, config, floats=False):
    """(S, S, 3) uint8, or (3, S, S) float32, by transformers itself."""
    from transformers.image_utils import load_image

    if config.background is not None:
        image = Image.open(path)
        image = ImageOps.exif_transpose(image) if config.exif else image
        if config.background != (255, 255, 255) and (
                "A" in image.getbands() or image.info.get("transparency") is not None):
            behind = Image.new("RGBA", image.size, config.background + (255,))
            image = Image.alpha_composite(behind, image.convert("RGBA")).convert("RGB")
    else:
        image = load_image(str(path)) if config.exif else Image.open(path).convert("RGB")
    pixels = huggingface_processor(config, floats)(image, return_tensors="np")["pixel_values"][0]
    return pixels if floats else pixels.transpose(1, 2, 0)


def openclip(path, config, floats=False):
    """The same by open_clip's own transform."""
    import open_clip

    transforms = open_clip.transform.image_transform(
        config.size, is_train=False, mean=config.mean, std=config.std, resize_mode=config.mode,
        interpolation=config.interpolation, fill_color=config.fill).transforms
    image = Image.open(path)
    if config.exif:
        image = ImageOps.exif_transpose(image)
    if floats:
        for step in transforms:
            image = step(image)
        return image.numpy()
    for step in transforms[:-2]:  # to_tensor and normalize are left
        image = step(image)
    return np.asarray(image)


def reference(path, config, floats=False):
    return (huggingface if config.order == "hf" else openclip)(path, config, floats)


def check(dump, path, config):
    expected = reference(path, config)
    found = dump.rgb(path, config)
    wrong = np.count_nonzero(expected != found)
    assert wrong == 0, (
        f"{path} {config}: {wrong} of {expected.size} values differ, by up to "
        f"{np.abs(expected.astype(int) - found).max()}")


def check_decoded(dump, path):
    """Mode, pixels and palette as Pillow holds them."""
    image = Image.open(path)
    image.load()
    mode, _, transparency, pixels, palette = dump.decode(path)
    expected = np.asarray(image)
    if image.mode == "1":
        expected = expected.astype(np.uint8) * 255
    assert mode == ("I;16" if image.mode == "I" else image.mode)
    expected = expected.reshape(expected.shape[0], expected.shape[1], -1)
    assert expected.shape == pixels.shape
    assert np.array_equal(expected, pixels)
    has_alpha = "A" in image.getbands() or image.info.get("transparency") is not None
    assert has_alpha == transparency
    if mode == "P":
        colors = np.array(image.getpalette("RGB")).reshape(-1, 3)
        assert np.array_equal(colors, palette[:len(colors)]) and not palette[len(colors):].any()


def noise(width, height, channels=3, seed=0):
    """Uniform noise over a smooth ramp: extremes for the clipping, slopes for the weights."""
    random = np.random.default_rng(seed * 1000003 + width * 1009 + height)
    pixels = random.integers(0, 256, (height, width, channels), dtype=np.uint8)
    ramp = np.add.outer(np.arange(height), np.arange(width)) * 255 // max(1, width + height - 2)
    smooth = random.random((height, width)) < 0.5
    pixels[smooth] = ramp[smooth, None]
    return pixels if channels > 1 else pixels[:, :, 0]


def image_of(mode, width, height, seed=0):
    """A Pillow image of that mode with noise in every part of it."""
    if mode == "1":
        return Image.fromarray(noise(width, height, 1, seed) > 128)
    if mode in ("P", "P+tRNS"):
        image = Image.fromarray(noise(width, height, 1, seed), "L")
        image = Image.frombytes("P", image.size, image.tobytes())
        image.putpalette(noise(256, 1, 3, seed).tobytes())
        if mode == "P+tRNS":
            image.info["transparency"] = noise(256, 1, 1, seed + 1).tobytes()
        return image
    if mode == "I;16":
        random = np.random.default_rng(seed + width * 1009 + height)
        values = random.integers(0, 65536, (height, width))
        values[random.random((height, width)) < 0.6] //= 256
        return Image.fromarray(values.astype(np.uint16))
    channels = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}[mode]
    pixels = noise(width, height, channels, seed)
    return Image.frombytes(mode, (width, height), np.ascontiguousarray(pixels).tobytes())


def save(path, image, **options):
    if "transparency" in image.info:
        options.setdefault("transparency", image.info["transparency"])
    image.save(path, **options)
    return path


# ---- PNG, bit by bit: Pillow writes neither Adam7 nor every depth ----------------------------

ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
         (0, 1, 1, 2)]


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(
        ">I", zlib.crc32(kind + data))


def pack_row(samples, depth):
    """One row of samples (n,) as PNG packs them."""
    if depth == 16:
        return samples.astype(">u2").tobytes()
    if depth == 8:
        return samples.astype(np.uint8).tobytes()
    bits = (samples[:, None] >> np.arange(depth - 1, -1, -1)) & 1
    return np.packbits(bits.astype(np.uint8)).tobytes()


def make_png(samples, color_type, depth, interlace=False, before=(), after=(), filters=True):
    """samples: (height, width, channels). before, after: extra chunks around the IDATs."""
    height, width, _ = samples.shape
    passes = ADAM7 if interlace else [(0, 0, 1, 1)]
    raw = b""
    for x, y, step_x, step_y in passes:
        part = samples[y::step_y, x::step_x]
        if part.size == 0:
            continue
        for row in part:
            raw += b"\0" + pack_row(row.reshape(-1), depth)
    if filters and not interlace and depth == 8:
        raw = filter_rows(samples)
    data = zlib.compress(raw, 6)
    head = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, int(interlace))
    chunks = [(b"IHDR", head), *before]
    half = len(data) // 2
    chunks += [(b"IDAT", data[:half]), (b"IDAT", data[half:]), *after, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def filter_rows(samples):
    """Rows of 8-bit samples with the filters 0, 1, 2 by turns."""
    height, width, channels = samples.shape
    rows = samples.astype(np.uint8).reshape(height, width * channels)
    out = b""
    for y, row in enumerate(rows):
        left = np.concatenate([np.zeros(channels, np.uint8), row[:-channels]])
        above = rows[y - 1] if y > 0 else np.zeros_like(row)
        kind = y % 3
        out += bytes([kind]) + (row - [0 * row, left, above][kind]).astype(np.uint8).tobytes()
    return out


def exif(orientation, big=False, prefix=b"Exif\0\0", kind=3, count=1):
    """A TIFF directory with a Make string before the orientation."""
    e = ">" if big else "<"
    head = (b"MM\0\x2a" if big else b"II\x2a\0") + struct.pack(e + "I", 8)
    value = struct.pack(e + {3: "HH", 4: "I"}[kind], *([orientation, 0][:2 if kind == 3 else 1]))
    entries = struct.pack(e + "HHII", 0x010F, 2, 8, 38) + struct.pack(
        e + "HHI", 0x0112, kind, count) + value
    return prefix + head + struct.pack(e + "H", 2) + entries + struct.pack(e + "I", 0) + b"Camera\0\0"


def jpeg(image, **options):
    out = io.BytesIO()
    image.save(out, "JPEG", **options)
    return out.getvalue()


def write(path, data):
    path.write_bytes(data)
    return path
