"""first_result.py KIND FOLDER PICTURE LABEL...: what a user of a library writes to classify one picture.

KIND: transformers, open_clip (FOLDER is a checkpoint in its layout), onnxruntime (FOLDER comes from
export.py; token ids are given ready-made, which spares it a tokenizer). Nothing is imported that a kind does
not need. Prints the first label and its score.
"""

import sys


def transformers(folder, picture, labels):
    import without_torchvision  # noqa: F401  before transformers
    import torch
    from transformers import CLIPImageProcessorPil, CLIPModel, CLIPTokenizer
    from transformers.image_utils import load_image
    model = CLIPModel.from_pretrained(folder).eval()
    tokens = CLIPTokenizer.from_pretrained(folder)(
        [f"a photo of a {label}." for label in labels], padding=True, return_tensors="pt")
    pixels = CLIPImageProcessorPil.from_pretrained(folder)(load_image(picture), return_tensors="pt")
    with torch.inference_mode():
        return model(**tokens, **pixels).logits_per_image.softmax(1)[0].tolist()


def open_clip(folder, picture, labels):
    import torchvision_cpu  # noqa: F401  before open_clip
    import open_clip as library
    import torch
    from PIL import Image
    model, preprocess = library.create_model_from_pretrained(f"local-dir:{folder}")
    tokenizer = library.get_tokenizer("ViT-B-32")
    model.eval()
    with torch.inference_mode():
        image = model.encode_image(preprocess(Image.open(picture)).unsqueeze(0), normalize=True)
        text = model.encode_text(tokenizer([f"a photo of a {label}." for label in labels]),
                                 normalize=True)
        return (model.logit_scale.exp() * image @ text.T).softmax(1)[0].tolist()


def onnxruntime(folder, picture, labels):
    import numpy
    import onnxruntime as library
    from PIL import Image
    open_session = lambda name: library.InferenceSession(f"{folder}/{name}.onnx",
                                                         providers=["CPUExecutionProvider"])
    image = Image.open(picture).convert("RGB")
    scale = 224 / min(image.size)
    image = image.resize([int(side * scale) for side in image.size], Image.Resampling.BICUBIC)
    left, top = (image.width - 224) // 2, (image.height - 224) // 2
    pixels = numpy.asarray(image.crop((left, top, left + 224, top + 224)), numpy.float32) / 255
    mean = numpy.array([0.48145466, 0.4578275, 0.40821073], numpy.float32)
    std = numpy.array([0.26862954, 0.26130258, 0.27577711], numpy.float32)
    pixels = ((pixels - mean) / std).transpose(2, 0, 1)[None]
    image_embedding = open_session("vision").run(None, {"pixels": pixels})[0]
    text_embeddings = open_session("text").run(None, {"ids": numpy.load(f"{folder}/ids.npy")})[0]
    unit = lambda x: x / numpy.linalg.norm(x, axis=1, keepdims=True)
    logits = 37.5 * (unit(image_embedding) @ unit(text_embeddings).T)[0]  # the checkpoint's scale
    scores = numpy.exp(logits - logits.max())
    return (scores / scores.sum()).tolist()


KINDS = {"transformers": transformers, "open_clip": open_clip, "onnxruntime": onnxruntime}

if __name__ == "__main__":
    scores_of = KINDS[sys.argv[1]](sys.argv[2], sys.argv[3], sys.argv[4:])
    best = max(range(len(scores_of)), key=scores_of.__getitem__)
    print(sys.argv[4 + best], scores_of[best])
