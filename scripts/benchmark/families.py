"""The image towers of the other families."""

from .report import Section, Table, at_least, at_most, mebibytes, ratio, times
from .running import Failed, bench, interleaved, peer, run

PEERS = ["pytorch", "onnxruntime", "openvino"]
# Checkpoint (tests/parity/family_*.py), what it is, pixels a side, and the speed that is aimed at, beside
# the best peer.
TOWERS = [
    ("siglip-b16-224", "SigLIP B/16", 224, 1.1),
    ("oc-swin-base", "Swin-B", 224, 1.1),
    ("resnet-rn50", "CLIP ResNet-50", 224, 0.9),
    ("align-base", "ALIGN (EfficientNet-B7)", 289, 0.9),
]
BATCH = 32
MEMORY_BATCH, MEMORY_AIM = 8, 300e6


def _onnx(setting, name, side, notes):
    try:
        return setting.family_onnx(name, side)
    except RuntimeError as error:
        notes.append(f"No ONNX file of {name}: {error}.")
        return setting.work / "none"


def _memory(setting, checkpoint, pictures):
    """Bytes beyond the weights that classifying in batches of MEMORY_BATCH takes."""
    weights = sum(path.stat().st_size for path in checkpoint.glob("*.safetensors"))
    done = run(setting.classify(checkpoint, "-b", MEMORY_BATCH, "-L", "cat", "-L", "dog", pictures),
               setting.threads)
    return done.memory - weights


def _row(setting, name, title, side, aim, section):
    notes, at_once = [], setting.size(BATCH, 4)
    checkpoint, onnx = setting.family(name), _onnx(setting, name, side, notes)
    peers = {kind: (lambda kind=kind: peer(setting, "tower", kind, side, checkpoint, onnx, at_once,
                                           setting.seconds, setting.threads)) for kind in PEERS}
    samples = interleaved(setting.rounds, {"clipcls": lambda: bench(setting, checkpoint)}, peers)
    ours = samples["clipcls"].median(lambda done: done["image_tower"]["pictures_per_second"])
    rates = {kind: samples[kind].median(lambda done: done["batch"]) for kind in PEERS}
    best = max((rate for rate in rates.values() if rate is not None), default=None)
    cells = [samples[kind].failure or f"{rate:.2f}/s" for kind, rate in rates.items()]
    memory = _memory(setting, checkpoint, setting.photos(setting.size(64, 16)))
    section.tables[0].rows.append([title, f"{ours:.2f}/s", *cells, times(ratio(ours, best)),
                                   mebibytes(memory)])
    section.aims += [at_least(f"{title}, batches, beside the best peer", ratio(ours, best), aim),
                     at_most(f"{title}, memory beyond the weights, batches of {MEMORY_BATCH}", memory,
                             MEMORY_AIM, mebibytes)]
    return notes


def families(setting):
    """Each family's image tower in batches, and its memory."""
    table = Table(["image tower", "clipcls", *PEERS, "clipcls against the best", "memory beyond the weights"])
    section = Section("Other families", "", [table])
    notes = ["Normalised pixels to embeddings in f32, random weights, all cores. The peers take "
             f"{setting.size(BATCH, 4)} pictures at once (OpenVINO by the faster of one request and its queue).",
             "Memory: the most that `clipcls` holds in batches of "
             f"{MEMORY_BATCH}, decoding included, less the size of the weights' file: "
             "below zero where the towers are not held together or a part of the file is never read."]
    for name, title, side, aim in TOWERS:
        try:
            notes += _row(setting, name, title, side, aim, section)
        except (Failed, RuntimeError) as error:
            notes.append(f"{title}: not measured: {error}.")
    section.about = "\n".join(notes)
    return section
