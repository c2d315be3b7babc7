"""scripts/train_default.py on data made here: six kinds of coloured picture and a WordNet of a dozen meanings.

CLIPCLS_SKIP_TRAINING=1 leaves these tests out; without it, missing torch or transformers is a failure, not a skip.
"""

import contextlib
import io
import json
import os
import re
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


def run(*arguments):
    """The script in this process (torch is slow to import) -> (standard output, standard error)."""
    import train_default

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        train_default.main([*map(str, arguments), "--threads", "1"])
    return out.getvalue(), err.getvalue()


@pytest.fixture(scope="module")
def trained(data):
    """-> (output folder, standard output, standard error) of one short training."""
    out = data / "out"
    table, log = run("train", data / "pictures", data / "wordnet", out, "--merges", data / "merges.txt", "--steps-text", 30,
                     "--pictures", 1280, "--batch", 16, "--pictures-again", 0, "--seed", 3)
    return out, table, log


def losses(log, stage):
    return [float(value) for value in re.findall(rf"^{stage}.* loss ([\d.]+)$", log, re.MULTILINE)]


def accuracies(table):
    return {what: float(share) for what, share in re.findall(r"^\| (.*?) \| [\d,]+ \| ([\d.]+) % \|$", table, re.MULTILINE)}


def test_losses_of_both_stages_fall(trained):
    text, images = losses(trained[2], "text"), losses(trained[2], "images")
    assert text[-1] < 0.5 * text[0]
    assert images[-1] < 0.7 * images[0]


def test_colours_are_told_apart_far_above_chance(trained):
    measured = accuracies(trained[1])
    # Chance: 25 % of four names, 50 % of two.
    assert measured["squares, 4 names, top-1"] >= 70
    assert measured["cifar10, 2 names, top-1"] >= 90


def test_folder_is_one_that_transformers_loads(trained):
    from transformers import AutoTokenizer, CLIPModel
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    out = trained[0]
    model, problems = CLIPModel.from_pretrained(out, output_loading_info=True)
    assert not any(problems.values())
    assert (model.config.vision_config.image_size, model.config.projection_dim) == (64, 144)
    tokenizer = AutoTokenizer.from_pretrained(out)
    vocabulary = json.loads((out / "vocab.json").read_text())
    assert len(vocabulary) == 512 + 5 + 2 == model.config.text_config.vocab_size
    assert tokenizer("a Dog").input_ids == [vocabulary[p] for p in ("<|startoftext|>", "a</w>", "dog</w>", "<|endoftext|>")]
    # A tokenizer file that pads or truncates by itself would change what its readers see.
    stored = json.loads((out / "tokenizer.json").read_text())
    assert stored["padding"] is None and stored["truncation"] is None
    assert CLIPImageProcessorPil.from_pretrained(out).size["shortest_edge"] == 64
    assert (out / "classes.txt").read_text().splitlines() == list(COLOURS)


def test_measuring_the_folder_again_gives_the_same_table(data, trained):
    assert run("measure", data / "pictures", data / "wordnet", trained[0])[0] == trained[1]


def test_going_on_from_weights_leaves_the_text_tower_alone(data, trained, tmp_path):
    from transformers import CLIPModel

    log = run("train", data / "pictures", data / "wordnet", tmp_path / "more", "--start", trained[0], "--batch", 16,
              "--pictures-again", 32)[1]
    assert not losses(log, "text") and not losses(log, "images step")
    assert len(losses(log, "images again")) == 2
    before, after = (CLIPModel.from_pretrained(f).state_dict() for f in (trained[0], tmp_path / "more"))
    changed = {name for name in before if not before[name].equal(after[name])}
    assert not any(name.startswith("text_") for name in changed)
    assert "visual_projection.weight" in changed


def test_embedding_of_all_patches_is_that_of_transformers(trained):
    import torch
    from trainer.towers import embed_pixels, load_model

    model = load_model(trained[0])
    pixels = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        reference = model.get_image_features(pixels).pooler_output
        ours = embed_pixels(model, pixels)
        thinned = embed_pixels(model, pixels, kept=28)
    # The same operations in the same order: float32 rounding only.
    assert torch.allclose(ours, reference / reference.norm(dim=-1, keepdim=True), atol=1e-6)
    assert thinned.shape == ours.shape and not torch.allclose(thinned, ours, atol=1e-3)


def test_similarity_follows_wu_and_palmer_through_the_deepest_common_ancestor(data):
    import torch
    from trainer.wordnet import WordNet
    from trainer.words import Similarity

    wordnet = WordNet(data / "wordnet")
    words = ["dog", "puppy", "cat", "domestic animal", "pizza"]
    synsets = [wordnet.first_sense(word) for word in words]
    # Depths: entity 1, physical entity 2, animal and pizza 3, carnivore and domestic animal 4, dog and cat 5, puppy 6.
    expected = [
        [1, 10 / 11, 8 / 10, 8 / 9, 4 / 8],
        [10 / 11, 1, 8 / 11, 8 / 10, 4 / 9],
        [8 / 10, 8 / 11, 1, 6 / 9, 4 / 8],
        [8 / 9, 8 / 10, 6 / 9, 1, 4 / 7],
        [4 / 8, 4 / 9, 4 / 8, 4 / 7, 1],
    ]
    assert torch.allclose(Similarity(wordnet, synsets)(synsets), torch.tensor(expected))


def test_abstract_words_are_left_out_and_class_names_take_precedence(data):
    from trainer.wordnet import WordNet
    from trainer.words import collect_words

    truck_called_dog = {"wordnet": "n" + NOUNS["truck"][0], "names": ["Dog"]}
    meanings = collect_words(WordNet(data / "wordnet"), [truck_called_dog], untagged=0)
    assert meanings["dog"] == NOUNS["truck"][0]
    assert meanings["cat"] == NOUNS["cat"][0]
    assert "idea" not in meanings


def test_a_kind_of_the_own_class_is_no_negative(data, trained):
    from trainer import tokens
    from trainer.image_stage import Targets
    from trainer.towers import load_model
    from trainer.wordnet import WordNet

    classes = json.loads((data / "pictures" / "classes.json").read_text())
    tokenizer = tokens.build_tokenizer(tokens.read_merges(trained[0] / "merges.txt"))
    targets = Targets(load_model(trained[0]), tokenizer, WordNet(data / "wordnet"), classes)
    masked = {(a, b) for i, a in enumerate(COLOURS) for j, b in enumerate(COLOURS) if targets.masked[i, j]}
    assert masked == {("dog", "puppy"), ("puppy", "dog")}


def test_missing_pictures_are_named(data, trained, tmp_path):
    (tmp_path / "classes.json").write_text((data / "pictures" / "classes.json").read_text())
    with pytest.raises(FileNotFoundError, match=r"no \*-val-\*\.parquet"):
        run("measure", tmp_path, data / "wordnet", trained[0])
