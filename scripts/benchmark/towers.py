"""Items about the towers alone: pictures, prompts, threads."""

from .report import Section, Table, at_least, number, percent, ratio, times
from .running import bench, interleaved, peer
from .setting import ROOT, SHAPES

FP32 = ["transformers", "open_clip", "onnxruntime", "openvino"]
INT8 = "onnxruntime-int8"
PRECISION_OF = {name: "f32" for name in FP32} | {INT8: "int8, dynamic"}
NAMES = ROOT / "models/imagenet1k.txt"
TEMPLATES = ROOT / "models/imagenet80.txt"


def _ours(setting, model):
    """One measurement for each precision that the program has."""
    return {f"clipcls {precision}": (lambda precision=precision: bench(setting, model, precision))
            for precision in setting.precisions}


def _onnx(setting, name, notes):
    """The folder of ONNX files; a reason, and a path that leads nowhere, where they cannot be made."""
    try:
        return setting.onnx(name)
    except RuntimeError as error:
        notes.append(f"No ONNX files: {error}.")
        return setting.work / "none"


def _best(samples, names, read):
    """The largest figure among the peers, and whose it is."""
    rates = {name: samples[name].median(read) for name in names}
    rates = {name: rate for name, rate in rates.items() if rate is not None}
    return max(((rate, name) for name, rate in rates.items()), default=(None, "no peer"))


def _fp32_aims(shape, samples, best_alone, best_batch):
    ours = samples["clipcls f32"]
    figures = [("one picture alone", ours.median(lambda run: 1e3 / run["image_tower"]["one_picture_ms"]),
                best_alone, "one_picture_share_of_fma"),
               ("batches", ours.median(lambda run: run["image_tower"]["pictures_per_second"]),
                best_batch, "share_of_fma")]
    for what, rate, (best, name), share_name in figures:
        aim = at_least(f"{SHAPES[shape]} f32, {what}, beside the best fp32 peer ({name})",
                       ratio(rate, best), 1.3)
        share = ours.median(lambda run: run["image_tower"][share_name])
        aim.what += ", or at least 90 % of the multiply-adds' peak"
        aim.figure += f", {percent(share)} of the peak"
        if share is not None and share >= 0.9:
            aim.held = True
        yield aim


def _peer_row(samples, name, alone, batch):
    peer_samples = samples[name]
    if peer_samples.failure is not None:
        return [name, PRECISION_OF[name], peer_samples.failure, "-", "-", "-", "-"]
    one = peer_samples.median(lambda run: run["alone"])
    rate = peer_samples.median(lambda run: run["batch"])
    return [name, PRECISION_OF[name], f"{1e3 * one:.1f} ms", f"{rate:.2f}/s",
            times(ratio(alone, 1 / one)), times(ratio(batch, rate)), "-"]


def _our_row(name, samples):
    label, precision = name.split()
    if samples.failure is not None:
        return [label, precision, samples.failure, "-", "-", "-", "-"]
    read = lambda key: samples.median(lambda run: run["image_tower"][key])
    return [label, precision, f"{read('one_picture_ms'):.1f} ms",
            f"{read('pictures_per_second'):.2f}/s", "", "",
            f"{percent(read('share_of_products'))}, {percent(read('share_of_fma'))}"]


def tower(setting, shape):
    notes, at_once = [], setting.size(32, 4)
    checkpoint = setting.checkpoint(f"hf-{shape}")
    onnx = _onnx(setting, f"hf-{shape}", notes)
    peers = {name: (lambda name=name: peer(setting, "tower", name, shape, checkpoint, onnx, at_once,
                                           setting.seconds, setting.threads))
             for name in [*FP32, INT8]}
    samples = interleaved(setting.rounds, _ours(setting, checkpoint), peers)
    alone = samples["clipcls f32"].median(lambda run: 1e3 / run["image_tower"]["one_picture_ms"])
    batch = samples["clipcls f32"].median(lambda run: run["image_tower"]["pictures_per_second"])
    table = Table(["program", "precision", "one picture", f"batches of {at_once}",
                   "clipcls f32 against it, one", "batches",
                   "share of products' peak, multiply-adds' peak"])
    table.rows += [_our_row(name, samples[name]) for name in samples if name.startswith("clipcls")]
    table.rows += [_peer_row(samples, name, alone, batch) for name in peers]
    section = Section(
        f"Image tower, {SHAPES[shape]}",
        "\n".join(["Normalised pixels to embeddings, random weights, all cores. Batches: the peers take "
                   f"{at_once} pictures at once (OpenVINO by the faster",
                   "of one request and its queue); clipcls takes as many as its threads take at a time. Shares "
                   "are of the fastest large matrix",
                   "products and of multiply-adds in registers, as `clipcls bench` finds them in the same run.",
                   *notes]), [table])
    section.aims += _fp32_aims(shape, samples, _best(samples, FP32, lambda run: 1 / run["alone"]),
                               _best(samples, FP32, lambda run: run["batch"]))
    for name in samples:
        if name.startswith("clipcls") and name != "clipcls f32":
            section.aims += _low_precision_aims(shape, name, samples)
    return section


def _low_precision_aims(shape, name, samples):
    ours, theirs = samples[name], samples[INT8]
    rates = [("one picture alone", lambda run: 1e3 / run["image_tower"]["one_picture_ms"],
              lambda run: 1 / run["alone"]),
             ("batches", lambda run: run["image_tower"]["pictures_per_second"],
              lambda run: run["batch"])]
    return [at_least(f"{SHAPES[shape]} {name.split()[1]}, {what}, beside ONNX Runtime's dynamic int8",
                     ratio(ours.median(own), theirs.median(their)), 1.3)
            for what, own, their in rates]


def threads(setting):
    """What all cores gain over one, beside what matrix products side by side gain."""
    checkpoint = setting.checkpoint("hf-b32")
    samples = interleaved(setting.rounds,
                          {"all": lambda: bench(setting, checkpoint)},
                          {"one": lambda: bench(setting, checkpoint, threads=1)})
    read = lambda name, part, key: samples[name].median(lambda run: run[part][key])
    rows, gains = [], []
    for what, part, key in [("image tower, pictures/s", "image_tower", "pictures_per_second"),
                            ("products side by side, GFLOP/s", "machine", "product_gflops")]:
        one, every = read("one", part, key), read("all", part, key)
        gains.append(ratio(every, one))
        rows.append([what, number(one, digits=4), number(every, digits=4), times(gains[-1])])
    section = Section("Threads", f"ViT-B/32 in f32 with one thread and with {setting.threads}.",
                      [Table(["", "one thread", "all cores", "gain"], rows)])
    section.aims.append(at_least("gain of all cores over one thread, of what products gain",
                                 ratio(*gains), 0.95, percent))
    return section
