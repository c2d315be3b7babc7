"""tower.py KIND SHAPE CHECKPOINT ONNX BATCH SECONDS THREADS: a library's image tower alone.

KIND: transformers, open_clip, onnxruntime, onnxruntime-int8, openvino, pytorch. SHAPE: b32, l14, or, for the
last three, the side of a picture in pixels. pytorch is the library that a checkpoint of any family comes
from. Prints seconds for one picture ("alone") and pictures per second in batches ("batch").
"""

import sys

import numpy

from timing import median_seconds, report

SIDES = {"b32": 224, "l14": 224}


def pixels(n, side):
    return numpy.random.default_rng(1).standard_normal((n, 3, side, side), dtype=numpy.float32)


def measure(run, options):
    one, many = pixels(1, options.side), pixels(options.batch, options.side)
    return (median_seconds(lambda: run(one), options.seconds),
            options.batch / median_seconds(lambda: run(many), options.seconds))


def with_torch(encode, options):
    import torch
    torch.set_num_threads(options.threads)
    with torch.inference_mode():
        return measure(lambda x: encode(torch.from_numpy(x)), options)


def transformers(options):
    import without_torchvision  # noqa: F401  before transformers
    from transformers import CLIPVisionModelWithProjection
    model = CLIPVisionModelWithProjection.from_pretrained(options.checkpoint).eval()
    return with_torch(lambda x: model(x).image_embeds, options)


def open_clip(options):
    import torchvision_cpu  # noqa: F401  before open_clip
    import open_clip as library
    name = {"b32": "ViT-B-32-quickgelu", "l14": "ViT-L-14-quickgelu"}[options.shape]
    model = library.create_model(name).eval()  # fresh random weights: as much work as any others
    return with_torch(model.encode_image, options)


def pytorch(options):
    from reference import Reference
    return with_torch(Reference(options.checkpoint).library.encode_image, options)


def onnxruntime(options, name="vision.onnx"):
    import onnxruntime as library
    session_options = library.SessionOptions()
    session_options.intra_op_num_threads = options.threads
    session = library.InferenceSession(f"{options.onnx}/{name}", session_options,
                                       providers=["CPUExecutionProvider"])
    return measure(lambda x: session.run(None, {"pixels": x}), options)


def onnxruntime_int8(options):
    return onnxruntime(options, "vision-int8.onnx")


def openvino(options):
    """One picture under the hint for latency; batches in the faster of two ways: one request, or as many
    as the hint for throughput wants, each with its part."""
    import openvino as library
    core = library.Core()
    # The default on processors with bfloat16 would be that.
    precise = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": options.threads}
    compile_for = lambda hint: core.compile_model(f"{options.onnx}/vision.onnx", "CPU",
                                                  {**precise, "PERFORMANCE_HINT": hint})
    latency = compile_for("LATENCY")
    alone, batch = measure(lambda x: latency([x]), options)
    queue = library.AsyncInferQueue(compile_for("THROUGHPUT"))
    parts = numpy.array_split(pixels(options.batch, options.side), 2 * len(queue))

    def run_queue():
        for part in parts:
            queue.start_async([part])
        queue.wait_all()

    return alone, max(batch, options.batch / median_seconds(run_queue, options.seconds))


KINDS = {"transformers": transformers, "open_clip": open_clip, "onnxruntime": onnxruntime,
         "onnxruntime-int8": onnxruntime_int8, "openvino": openvino, "pytorch": pytorch}


class Options:
    def __init__(self, shape, checkpoint, onnx, batch, seconds, threads):
        self.shape, self.checkpoint, self.onnx = shape, checkpoint, onnx
        self.side = SIDES.get(shape) or int(shape)
        self.batch, self.seconds, self.threads = int(batch), float(seconds), int(threads)


if __name__ == "__main__":
    one_picture, rate = KINDS[sys.argv[1]](Options(*sys.argv[2:]))
    report(alone=one_picture, batch=rate)
