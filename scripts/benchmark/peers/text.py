"""text.py KIND CHECKPOINT THREADS NAMES TEMPLATES N: a library's label embeddings, timed without its loading.

KIND: open_clip (build_zero_shot_classifier, every template), transformers (the simple template, padded
to 77 tokens, 64 prompts at a time). NAMES, TEMPLATES: text files, one a line. N names are encoded. Prints
"seconds".
"""

import pathlib
import sys
import time

import torch

from timing import report

BATCH = 64


def open_clip(checkpoint, names, templates):
    import torchvision_cpu  # noqa: F401  before open_clip
    import open_clip as library
    model = library.create_model("ViT-B-32-quickgelu").eval()  # fresh random weights
    tokenizer = library.get_tokenizer("ViT-B-32-quickgelu")
    forms = [lambda name, template=template: template.replace("{}", name) for template in templates]
    library.build_zero_shot_classifier(model, tokenizer, names[:1], forms[:2])  # unmeasured
    start = time.perf_counter()
    library.build_zero_shot_classifier(model, tokenizer, names, forms)
    return time.perf_counter() - start


def transformers(checkpoint, names, templates):
    import without_torchvision  # noqa: F401  before transformers
    from transformers import CLIPTextModelWithProjection, CLIPTokenizer
    model = CLIPTextModelWithProjection.from_pretrained(checkpoint).eval()
    tokenizer = CLIPTokenizer.from_pretrained(checkpoint)

    def encode(some):
        tokens = tokenizer([f"a photo of a {name}." for name in some], padding="max_length",
                           max_length=77, truncation=True, return_tensors="pt")
        return torch.nn.functional.normalize(model(**tokens).text_embeds)

    with torch.inference_mode():
        encode(names[:2])  # unmeasured
        start = time.perf_counter()
        for first in range(0, len(names), BATCH):
            encode(names[first : first + BATCH])
        return time.perf_counter() - start


KINDS = {"open_clip": open_clip, "transformers": transformers}


def main(kind, checkpoint, threads, names, templates, n):
    torch.set_num_threads(int(threads))
    lines = lambda path: pathlib.Path(path).read_text("utf-8").splitlines()
    report(seconds=KINDS[kind](checkpoint, lines(names)[: int(n)], lines(templates)))


if __name__ == "__main__":
    main(*sys.argv[1:])
