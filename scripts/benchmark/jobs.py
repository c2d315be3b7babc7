"""Items about whole jobs: the first result, many files, label embeddings, memory."""

from .report import Section, Table, at_least, at_most, mebibytes, number, percent, ratio, times
from .running import Failed, bench, interleaved, peer, peer_command, run
from .setting import LABELS, PHOTO, ROOT
from .towers import NAMES, TEMPLATES

LEAST_START = 0.5  # seconds: what a user takes for "at once"


def _named(labels):
    return [part for label in labels for part in ("-L", label)]


def _first_word(done):
    """The first label that a program of first_result's kinds, or ours in tsv, printed."""
    lines = done.out.splitlines()
    return lines[1].split("\t")[2] if lines[0].startswith("path\t") else lines[-1].split()[0]


# ---- process start to first result ------------------------------------------------------------

def _first_result_programs(setting, checkpoint):
    last = ["-f", "tsv", PHOTO, *_named(LABELS)]
    ours = {"clipcls, directory": setting.classify(checkpoint, *last),
            "clipcls, single file": setting.classify(setting.single_file("hf-b32"), *last)}
    if "--cache-dir" in setting.help:
        ours["clipcls, single file, labels cached"] = [
            setting.program, "-m", setting.single_file("hf-b32"), "-j", setting.threads, "--cache-dir",
            setting.work / "cache", *last]
    peers = {
        "transformers": lambda: peer_command("first_result", "transformers", checkpoint, PHOTO, *LABELS),
        "open_clip": lambda: peer_command("first_result", "open_clip", setting.checkpoint("oc-b32"), PHOTO,
                                          *LABELS),
        "onnxruntime": lambda: peer_command("first_result", "onnxruntime", setting.onnx("hf-b32"), PHOTO,
                                            *LABELS)}
    return ours, peers


def _prepared(make):
    """The command, or a reason instead: what it needs may not be there."""
    try:
        return make()
    except RuntimeError as error:
        return Failed(str(error))


def _run_prepared(command, threads):
    if isinstance(command, Failed):
        raise command
    return run(command, threads)


def _check_labels(samples):
    """Those with the same weights must agree on the picture, or they did not do the same work."""
    said = {name: _first_word(samples[name].runs[0]) for name in samples
            if name != "open_clip" and samples[name].failure is None}
    if len(set(said.values())) > 1:
        raise SystemExit(f"different first labels: {said}")


def startup(setting):
    checkpoint = setting.checkpoint("hf-b32")
    own, peers = _first_result_programs(setting, checkpoint)
    commands = {**own, **{name: _prepared(make) for name, make in peers.items()}}
    measured = {name: (lambda command=command: _run_prepared(command, setting.threads))
                for name, command in commands.items()}
    for measure in measured.values():  # warms the page cache, fills the cache of labels
        try:
            measure()
        except Failed:
            pass
    samples = interleaved(setting.rounds, {name: measured[name] for name in own},
                          {name: measured[name] for name in peers})
    _check_labels(samples)
    seconds = {name: samples[name].median(lambda done: done.seconds) for name in samples}
    memory = {name: samples[name].median(lambda done: done.memory) for name in samples}
    first = "clipcls, directory"
    table = Table(["program", "seconds", "peak memory", "clipcls (directory) is faster by",
                   "its share of the peer's memory"])
    for name in samples:
        other = name in peers
        table.rows.append([
            name, samples[name].failure or f"{seconds[name]:.3f} s", mebibytes(memory[name]),
            times(ratio(seconds[name], seconds[first])) if other else "",
            percent(ratio(memory[first], memory[name])) if other and memory[name] else ""])
    section = Section("Process start to first result", (
        "One photograph, ten labels, ViT-B/32 in F32 (open_clip: its own layout in F16, read into F32), the "
        "whole process.\nONNX Runtime is given the labels' token ids ready-made and needs no tokenizer."),
        [table])
    section.aims += [
        at_least("first result beside transformers",
                 ratio(seconds["transformers"], seconds[first]), 40),
        at_most("first result, in seconds", seconds[first], LEAST_START, lambda x: number(x, "s")),
        at_most("peak memory beside ONNX Runtime's, the same job",
                ratio(memory[first], memory["onnxruntime"]), 0.75)]
    cached = seconds.get("clipcls, single file, labels cached")
    if cached is not None:
        tower = bench(setting, setting.single_file("hf-b32"))["image_tower"]["one_picture_ms"] / 1e3
        section.aims.append(at_most("first result with cached labels, beyond the image tower's time",
                                    cached - tower, 0.06, lambda x: f"{1e3 * x:.0f} ms"))
    return section


# ---- many files ---------------------------------------------------------------------------------

def _list_of(setting, name, paths):
    listing = setting.work / name
    listing.write_text("".join(f"{path}\n" for path in paths))
    return listing


def files(setting):
    n = setting.size(256, 16)
    photos = sorted(setting.photos(n).iterdir())
    checkpoint = setting.checkpoint("hf-b32")
    base = setting.classify(checkpoint, "-f", "jsonl", *_named(LABELS), "--files-from")
    lists = [_list_of(setting, "once.txt", photos), _list_of(setting, "twice.txt", 2 * photos)]
    samples = interleaved(
        setting.rounds, {"tower": lambda: bench(setting, checkpoint)},
        {"once": lambda: run([*base, lists[0]], setting.threads),
         "twice": lambda: run([*base, lists[1]], setting.threads)})
    once, twice = (samples[name].median(lambda done: done.seconds) for name in ("once", "twice"))
    tower = samples["tower"].median(lambda run: run["image_tower"]["pictures_per_second"])
    rate = n / once if once is not None else None
    table = Table(["", "seconds", "pictures/s", "of the image tower's rate"], [
        ["image tower alone", "", number(tower, digits=4), ""],
        [f"{n} JPEG files, whole process", number(once, digits=4), number(rate, digits=4),
         percent(ratio(rate, tower))],
        [f"{2 * n} JPEG files, whole process", number(twice, digits=4),
         number(ratio(2 * n, twice), digits=4), percent(ratio(ratio(2 * n, twice), tower))]])
    section = Section("From JPEG files to results", (
        "Photographs of 640 pixels in width, ten labels, ViT-B/32 in f32, `-f jsonl`; start-up included."),
        [table])
    growth = ratio(twice, once)
    section.aims += [
        at_least(f"{n} JPEG files, of our own image tower's rate", ratio(rate, tower), 0.95, percent),
        at_most("twice the pictures, distance from twice the time",
                None if growth is None else abs(growth / 2 - 1), 0.05, percent)]
    return section


# ---- label embeddings -----------------------------------------------------------------------------

def _text_row(what, ours, theirs, peer_name, note):
    return [what, "-" if ours is None else f"{ours:.2f} s", peer_name,
            theirs if isinstance(theirs, str) else f"{theirs:.1f} s{note}",
            times(None if isinstance(theirs, str) else ratio(theirs, ours))]


def text(setting):
    checkpoint = setting.checkpoint("hf-b32")
    known = NAMES.read_text("utf-8").splitlines()
    names = setting.size(len(known), 50)
    ensemble_names, simple_names = setting.size(20, 2), names
    measured = lambda kind, n: peer(setting, "text", kind, checkpoint, setting.threads, NAMES, TEMPLATES, n)
    # The whole set by its name: some of its names stand in it twice, which a file's may not.
    source = "imagenet1k" if names == len(known) else _list_of(setting, "names.txt", known[:names])
    labels = ["-l", source, "-k", "1", PHOTO]
    own = {"ensemble": setting.classify(checkpoint, *labels, "--templates", "imagenet80"),
           "simple": setting.classify(checkpoint, *labels)}
    samples = {}
    for ours, kind, n in [("ensemble", "open_clip", ensemble_names),
                          ("simple", "transformers", simple_names)]:
        samples |= interleaved(setting.rounds,
                               {ours: lambda: run(own[ours], setting.threads)},
                               {kind: lambda: measured(kind, n)})
    seconds = {name: samples[name].median(lambda done: done.seconds) for name in own}
    for kind, n in [("open_clip", ensemble_names), ("transformers", simple_names)]:
        scaled = samples[kind].median(lambda run: run["seconds"] * names / n)
        seconds[kind] = scaled if scaled is not None else samples[kind].failure
    note = lambda n: f" (timed on {n} names and scaled)" if n < names else ""
    table = Table(["labels", "clipcls, whole process", "peer", "peer, without loading",
                   "clipcls is faster by"], [
        _text_row(f"{names} ImageNet names x 80 templates", seconds["ensemble"], seconds["open_clip"],
                  "open_clip.build_zero_shot_classifier", note(ensemble_names)),
        _text_row(f"{names} ImageNet names x 1 template", seconds["simple"], seconds["transformers"],
                  "transformers, padding to 77", note(simple_names))])
    section = Section("Label embeddings", (
        "ViT-B/32's text tower in f32. Ours is the whole process with start-up and one picture, without the "
        "cache of label embeddings;\nthe peers' time begins when model and tokenizer are loaded."), [table])
    number_or_none = lambda value: None if isinstance(value, str) else value
    section.aims += [
        at_least(f"{names} names x 80 templates beside open_clip",
                 ratio(number_or_none(seconds["open_clip"]), seconds["ensemble"]), 15),
        at_least(f"{names} names x 1 template beside transformers",
                 ratio(number_or_none(seconds["transformers"]), seconds["simple"]), 20)]
    return section


# ---- memory -----------------------------------------------------------------------------------

def memory(setting):
    few, many = 100, setting.size(20000, 2000)
    pictures = sorted(setting.small_pictures(few).iterdir())
    lists = {n: _list_of(setting, f"small-{n}.txt", pictures * (n // few)) for n in (few, many)}
    command = setting.classify(None, "-f", "jsonl", "-L", "cat", "-L", "dog", "--files-from")
    samples = interleaved(setting.rounds, {many: lambda: run([*command, lists[many]], setting.threads)},
                          {few: lambda: run([*command, lists[few]], setting.threads)})
    held = {n: samples[n].median(lambda done: done.memory) for n in (few, many)}
    table = Table(["small pictures", "peak memory"],
                  [[str(n), mebibytes(held[n])] for n in (few, many)])
    section = Section("Memory and the number of pictures", (
        f"JPEG files of 64 pixels in width, the built-in model, `-f jsonl`. The {many} are the {few} named "
        "again and again."), [table])
    growth = ratio(held[many], held[few])
    section.aims.append(at_most(f"peak memory of {many} pictures beside {few}", growth, 1.05,
                                lambda x: times(x) if x is None else f"{x:.3f}x"))
    return section
