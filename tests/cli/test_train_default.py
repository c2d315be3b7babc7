"""scripts/train_default.py from text to table, on data made here: six kinds of coloured picture and a WordNet of a dozen meanings.

CLIPCLS_SKIP_TRAINING=1 leaves these tests out; without it, missing torch or transformers is a failure, not a skip.
"""

import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.environ.get("CLIPCLS_SKIP_TRAINING") == "1", reason="CLIPCLS_SKIP_TRAINING=1")

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))

# word: (offset, the words it is a kind of); dog lies under two of them.
NOUNS = {
    "entity": ("00001740", []),
    "physical_entity": ("00001930", ["entity"]),
    "animal": ("00000100", ["physical_entity"]),
    "carnivore": ("00000110", ["animal"]),
    "domestic_animal": ("00000120", ["animal"]),
    "dog": ("00000130", ["carnivore", "domestic_animal"]),
    "cat": ("00000140", ["carnivore"]),
    "puppy": ("00000150", ["dog"]),
    "vehicle": ("00000200", ["physical_entity"]),
    "car": ("00000210", ["vehicle"]),
    "truck": ("00000220", ["vehicle"]),
    "pizza": ("00000300", ["physical_entity"]),
    "idea": ("00000400", ["entity"]),
}
COLOURS = {"dog": "brown", "cat": "orange", "puppy": "yellow", "car": "red", "truck": "blue", "pizza": "green"}


def write_wordnet(folder):
    """data.noun and index.noun in WordNet's own format, the licence's indented lines included."""
    folder.mkdir()
    data, index = ["  1 a licence"], ["  1 a licence"]
    for word, (offset, parents) in NOUNS.items():
        pointers = "".join(f" @ {NOUNS[parent][0]} n 0000" for parent in parents)
        data.append(f"{offset} 03 n 01 {word} 0 {len(parents):03d}{pointers} | what it is; \"an @ in the gloss\"  ")
        index.append(f"{word} n 1 1 @ 1 1 {offset}  ")
    (folder / "data.noun").write_text("\n".join(data) + "\n")
    (folder / "index.noun").write_text("\n".join(index) + "\n")


def write_pictures(path, labels, per_label, size):
    """Parquet with noise of each label's colour, as PNG."""
    import numpy as np
    import pyarrow as arrow
    import pyarrow.parquet as parquet
    from PIL import Image, ImageColor

    noise = np.random.default_rng(len(path.name))
    rows = {"image": [], "label": []}
    for label in labels:
        colour = np.array(ImageColor.getrgb(list(COLOURS.values())[label]))
        for _ in range(per_label):
            pixels = (colour + noise.normal(0, 20, (size, size, 3))).clip(0, 255).astype("uint8")
            encoded = io.BytesIO()
            Image.fromarray(pixels).save(encoded, "PNG")
            rows["image"].append(encoded.getvalue())
            rows["label"].append(label)
    schema = arrow.schema([("image", arrow.binary()), ("label", arrow.int16())])
    parquet.write_table(arrow.table(rows, schema=schema), path)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """-> a folder with wordnet/, pictures/ and merges.txt; the last two classes are a set of their own, 32 pixels small."""
    folder = tmp_path_factory.mktemp("training")
    write_wordnet(folder / "wordnet")
    (folder / "pictures").mkdir()
    classes = [
        {"label": i, "wordnet": "n" + NOUNS[word][0], "names": [word], "set": "cifar10" if i >= 4 else "squares"}
        for i, word in enumerate(COLOURS)
    ]
    (folder / "pictures" / "classes.json").write_text(json.dumps(classes))
    for kind, per_label in (("train", 40), ("val", 8)):
        write_pictures(folder / "pictures" / f"squares-{kind}-00.parquet", range(4), per_label, 64)
        write_pictures(folder / "pictures" / f"cifar10-{kind}-00.parquet", range(4, 6), per_label, 32)
    (folder / "merges.txt").write_text("#version: 0.2\nd o\ndo g</w>\nc a\nca t</w>\np h\n")
    return folder


TINY = {
    "picture_size": 32, "batch": 16, "rate": 1e-2, "word_negatives": 4,
    "text_width": 32, "text_layers": 1, "text_heads": 2, "projection_dim": 32, "text_steps": 60, "text_batch": 32, "text_rate": 4e-3,
}
TOWERS = {
    "resnet": {"image_size": 64, "small_size": 32, "resnet_width": 4, "resnet_blocks": 1},
    "vit": {
        "image_size": 32, "width": 32, "layers": 2, "heads": 2, "kept": 8, "mixed_share": 0.2, "guide_layer": 1,
        "teacher_width": 4, "teacher_small": 24, "teacher_view": 24, "teacher_share": 0.6, "teacher_rate": 2e-2,
    },
}
PICTURES = 1600


def run(data, stage, state, *more, tower="resnet", **settings):
    """The script in this process (torch is slow to import) -> (standard output, standard error)."""
    import train_default

    chosen = [f"--set={name}={value}" for name, value in ({"tower": tower} | TINY | TOWERS[tower] | settings).items()]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        train_default.main([stage, *map(str, (data / "pictures", data / "wordnet", state)), "--threads=1", "--log-every=5",
                            f"--pictures={PICTURES}", f"--merges={data / 'merges.txt'}", *chosen, *more])
    return out.getvalue(), err.getvalue()


@pytest.fixture(scope="module", params=TOWERS)
def tower(request):
    return request.param


@pytest.fixture(scope="module")
def trained(data, tower):
    """-> (state folder, table, what was said) of one uninterrupted training."""
    state = data / f"state-{tower}"
    return state, *run(data, "all", state, tower=tower)


def losses(log, stage):
    return [float(value) for value in re.findall(rf"^{stage}: step .* loss ([\d.]+)", log, re.MULTILINE)]


def shares(table):
    return {what: float(share) for what, share in re.findall(r"^\| (.*?) \| [\d,]+ \| ([\d.]+) % \|$", table, re.MULTILINE)}


def weights(state):
    [path] = (state / "model").glob("*.safetensors")
    return path.read_bytes()


def stages(tower):
    return ("text", "teacher", "image") if tower == "vit" else ("text", "image")


def test_losses_of_all_stages_fall(trained, tower):
    for stage, fall in zip(stages(tower), (0.5, 0.8, 0.8)):
        course = losses(trained[2], stage)
        assert course[-1] < fall * course[0], stage


def test_colours_are_told_apart_far_above_chance_by_the_program_itself(trained):
    measured = shares(trained[1])
    # Chance: 25 % of four names, 50 % of two.
    assert measured["squares, 4 names, top-1"] >= 70
    assert measured["cifar10, 2 names, top-1"] >= 90
    assert (trained[0] / "measured.md").read_text() == trained[1]


def test_a_model_file_is_measured_by_itself_with_the_same_figures(data, trained, tmp_path):
    import measure_default

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        measure_default.main([*map(str, (data / "pictures", data / "wordnet", tmp_path)), f"--model={trained[0] / 'model.safetensors'}"])
    measured, whole = shares(out.getvalue()), shares(trained[1])
    assert (tmp_path / "measured.md").read_text() == out.getvalue()
    assert measured.items() <= whole.items()
    # The training's table says besides what float16 changes.
    assert [what.split(", ")[1] for what in whole.keys() - measured.keys()] == ["same first label with the weights in float32"] * 2


def test_log_has_a_row_for_each_report(trained):
    header, *rows = [line.split("\t") for line in (trained[0] / "log.tsv").read_text().splitlines()]
    assert header == ["stage", "step", "examples", "minutes", "rate", "loss", "accuracy"]
    assert [row[0] for row in rows] == sorted((row[0] for row in rows), key=["text", "teacher", "image"].index)
    last = rows[-1]
    assert (last[0], int(last[2])) == ("image", PICTURES)
    # The final accuracy among four names; chance is 0.25.
    assert float(last[6]) >= 0.7


def check_tokenizer(out):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(out)
    vocabulary = json.loads((out / "vocab.json").read_text())
    assert len(vocabulary) == 512 + 5 + 2
    assert tokenizer("a Dog").input_ids == [vocabulary[p] for p in ("<|startoftext|>", "a</w>", "dog</w>", "<|endoftext|>")]
    # A tokenizer file that pads or truncates by itself would change what its readers see.
    stored = json.loads((out / "tokenizer.json").read_text())
    assert stored["padding"] is None and stored["truncation"] is None
    assert (out / "classes.txt").read_text().splitlines() == list(COLOURS)
    return tokenizer


def test_resnet_folder_gives_in_open_clip_what_it_gives_in_the_program(data, tmp_path):
    import numpy as np
    import open_clip
    import torch

    run(data, "all", tmp_path, text_steps=8, batch=400)
    out = tmp_path / "model"
    tokenizer = check_tokenizer(out)
    config = json.loads((out / "open_clip_config.json").read_text())
    model = open_clip.model.CLIP(**config["model_cfg"])
    open_clip.load_checkpoint(model, str(out / "open_clip_model.safetensors"))
    model.eval()
    pixels = np.random.default_rng(3).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    mean, std = (np.array(config["preprocess_cfg"][name]) for name in ("mean", "std"))
    picture = torch.from_numpy((pixels / 255 - mean) / std).permute(2, 0, 1)[None].float()
    labels = ["dog", "a red car"]
    ids = tokenizer(labels, padding="max_length", max_length=32, return_tensors="pt").input_ids
    with torch.no_grad():
        cosines = model.encode_image(picture, normalize=True) @ model.encode_text(ids, normalize=True).T
    (tmp_path / "picture.ppm").write_bytes(b"P6 64 64 255\n" + pixels.tobytes())
    program = Path(os.environ.get("CLIPCLS_BUILD", SCRIPTS.parent / "build" / "release")) / "clipcls"
    said = subprocess.run([program, "-m", out, "--no-cache", "-f", "jsonl", "-k", "0", "--templates", "none",
                           *(f"-L{label}" for label in labels), tmp_path / "picture.ppm"], capture_output=True, check=True).stdout
    found = {result["label"]: result["similarity"] for result in json.loads(said)["results"]}
    assert [found[label] for label in labels] == pytest.approx(cosines[0].tolist(), abs=1e-5)


def test_vision_transformer_s_folder_is_one_that_transformers_loads(data, tmp_path):
    from transformers import CLIPModel
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    run(data, "all", tmp_path, tower="vit", text_steps=4, teacher_share=0, batch=400)
    out = tmp_path / "model"
    check_tokenizer(out)
    model, problems = CLIPModel.from_pretrained(out, output_loading_info=True)
    assert not any(problems.values())
    assert (model.config.vision_config.image_size, model.config.projection_dim) == (32, 32)
    assert CLIPImageProcessorPil.from_pretrained(out).size["shortest_edge"] == 32


def test_training_killed_in_every_stage_ends_with_the_weights_of_one_left_alone(data, trained, tower, tmp_path, monkeypatch):
    from trainer.loop import Loop

    class Killed(BaseException):
        """As SIGKILL: nothing is written any more."""

    record = Loop.record
    deaths = {"text": 25, "teacher": 9, "image": 70}

    def dying(loop, *what):
        if loop.step == deaths.get(loop.stage):
            del deaths[loop.stage]
            raise Killed
        record(loop, *what)

    monkeypatch.setattr(Loop, "record", dying)
    for stage in stages(tower):
        with pytest.raises(Killed):
            run(data, stage, tmp_path, "--checkpoint-minutes=0", tower=tower)
        said = run(data, stage, tmp_path, tower=tower)[1]
        assert f"{stage}: goes on at step" in said
    run(data, "export", tmp_path, tower=tower)
    assert weights(tmp_path) == weights(trained[0])


def test_termination_writes_a_checkpoint_first(data, tmp_path, monkeypatch):
    from trainer.loop import Loop

    record = Loop.record

    def terminated(loop, *what):
        record(loop, *what)
        if loop.step == 7:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patched:
        patched.setattr(Loop, "record", terminated)
        with pytest.raises(SystemExit) as stopped:
            run(data, "text", tmp_path)
    assert stopped.value.code == 128 + signal.SIGTERM
    assert "text: goes on at step 8\n" in run(data, "text", tmp_path)[1]


def test_training_waits_while_the_pause_file_exists(data, tmp_path, monkeypatch):
    from trainer import loop

    pause = tmp_path / "pause"
    pause.touch()
    waits = []

    def sleep(seconds):
        waits.append(seconds)
        if len(waits) == 3:
            pause.unlink()

    monkeypatch.setattr(loop.time, "sleep", sleep)
    said = run(data, "text", tmp_path / "state", f"--pause-file={pause}", text_steps=2)[1]
    assert len(waits) == 3
    assert said.index("text: paused") < said.index("text: goes on") < said.index("text: step 2")


def test_budget_in_minutes_is_kept_and_shared_out(data, tmp_path):
    import train_default

    settings = {**TINY, **TOWERS["resnet"]}
    train_default.main(["text", *map(str, (data / "pictures", data / "wordnet", tmp_path)), "--threads=1", "--minutes=0.2",
                        "--clock=work", f"--merges={data / 'merges.txt'}", *(f"--set={n}={v}" for n, v in settings.items())])
    last = (tmp_path / "log.tsv").read_text().splitlines()[-1].split("\t")
    # 6 % of 0.2 minutes, and the step during which they ended.
    assert float(last[3]) == pytest.approx(0.012, abs=0.01)


def test_classes_left_out_are_measured_by_themselves(data, tmp_path):
    table, _ = run(data, "all", tmp_path, text_steps=4, leave_out=2, batch=400)
    by_themselves, among_all = (shares(table)[f"2 classes left out of training, {among}, top-1"] for among in ("by themselves", "among all 4"))
    # With more names to choose from, no picture is right that was not before.
    assert by_themselves >= among_all and "squares, 4 names, top-1" in shares(table)


def test_training_in_bfloat16_has_finite_losses_that_fall(data, trained, tower, tmp_path, monkeypatch):
    from trainer import session

    # Any processor computes bfloat16, if slowly: the path is taken here whatever the machine.
    monkeypatch.setattr(session, "has_bf16", lambda device: True)
    for stage in stages(tower)[:-1]:
        (tmp_path / f"{stage}.pt").write_bytes((trained[0] / f"{stage}.pt").read_bytes())
    course = losses(run(data, "image", tmp_path, tower=tower)[1], "image")
    assert course[-1] < 0.8 * course[0]
    exact = losses(trained[2], "image")
    # bfloat16 has 8 bits: the first losses agree to a per cent or so, and are not the same.
    assert course[0] == pytest.approx(exact[0], rel=0.05) and course != exact


def test_a_stage_names_the_one_that_it_needs(data, tmp_path):
    for stage, reason in (("image", "stage 'text' is not finished"), ("export", "stage 'text' is not finished"),
                          ("measure", "model: the stage 'export' makes it")):
        with pytest.raises(SystemExit, match=reason):
            run(data, stage, tmp_path)


def test_training_sets_out_from_the_averaged_weights_of_another(data, trained, tower, tmp_path):
    said = run(data, "all", tmp_path, f"--start={trained[0]}", tower=tower, seed=2)[1]
    assert "text: finished before" in said and (tmp_path / "text.pt").read_bytes() == (trained[0] / "text.pt").read_bytes()
    first, second = losses(trained[2], "image"), losses(said, "image")
    assert second[0] < (first[0] + first[-1]) / 2 and weights(tmp_path) != weights(trained[0])


def test_a_folder_that_cannot_be_started_from_is_named(data, trained, tower, tmp_path):
    with pytest.raises(SystemExit, match="nowhere: no state folder"):
        run(data, "image", tmp_path / "a", "--start=nowhere", tower=tower)
    other = {"vit": {"width": 64, "teacher_share": 0}, "resnet": {"resnet_width": 8}}[tower]
    with pytest.raises(SystemExit, match=f"{trained[0]}: another recipe's model: "):
        run(data, "image", tmp_path / "b", f"--start={trained[0]}", tower=tower, **other)


def test_another_recipe_in_the_same_folder_is_refused(data, tmp_path):
    run(data, "text", tmp_path, text_steps=1)
    with pytest.raises(SystemExit, match=r"recipe.json: text_steps is 1 in this folder, not 2"):
        run(data, "all", tmp_path, text_steps=2)


def test_wrong_settings_are_named(data, tmp_path):
    for setting, reason in (("wdth=3", "--set wdth=3: not NAME=VALUE"), ("width=wide", "--set width=wide: 'wide' is no int"),
                            ("tower=swin", "--set tower=swin: not one of resnet, vit")):
        with pytest.raises(SystemExit, match=reason):
            run(data, "text", tmp_path, f"--set={setting}")


def test_damaged_checkpoint_is_named(data, tmp_path):
    (tmp_path / "text.pt").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(SystemExit, match=r"text\.pt: not a checkpoint"):
        run(data, "text", tmp_path)


def test_missing_pictures_are_named(data, tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "classes.json").write_text((data / "pictures" / "classes.json").read_text())
    for name in ("wordnet", "merges.txt"):
        (tmp_path / name).symlink_to(data / name)
    with pytest.raises(SystemExit, match=r"no \*-train-\*\.parquet"):
        run(tmp_path, "teacher", tmp_path / "state", tower="vit")
