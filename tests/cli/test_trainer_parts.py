"""The parts of scripts/trainer, each by itself.

CLIPCLS_SKIP_TRAINING=1 leaves these tests out; without it, missing torch or transformers is a failure, not a skip.
"""

import json
import math
import os

import pytest
from test_train_default import COLOURS, NOUNS, data  # noqa: F401  (data is a fixture)

pytestmark = pytest.mark.skipif(os.environ.get("CLIPCLS_SKIP_TRAINING") == "1", reason="CLIPCLS_SKIP_TRAINING=1")


@pytest.fixture(scope="module")
def wordnet(data):  # noqa: F811
    from trainer.wordnet import WordNet

    return WordNet(data / "wordnet")


@pytest.fixture(scope="module")
def small_model():
    """-> (model, tokenizer) of two layers, 32 pixels and 16 patches; its layers do something, as a fresh model's do not."""
    import torch
    from trainer import tokens
    from trainer.recipe import Recipe
    from trainer.towers import new_model

    recipe = Recipe(image_size=32, width=32, layers=2, heads=2, text_width=32, text_layers=1, text_heads=2, projection_dim=32)
    tokenizer = tokens.build_tokenizer([("d", "o")], recipe.context_length)
    model = new_model(recipe, tokenizer).eval()
    with torch.no_grad():
        for layer in model.vision_model.encoder.layers:
            for matrix in (layer.self_attn.out_proj.weight, layer.mlp.fc2.weight):
                matrix.normal_(0, 0.2, generator=torch.Generator().manual_seed(0))
    return model, tokenizer


# Schedule.


def test_rate_rises_shortly_and_falls_to_nothing():
    from trainer.budget import RISE, rate_at

    rates = [rate_at(i / 1000, 2.0) for i in range(1001)]
    peak = rates.index(max(rates))
    assert peak == pytest.approx(1000 * RISE, abs=1)
    assert 1.9 < max(rates) <= 2.0 and 0 < rates[0] < 0.1 and rates[-1] == pytest.approx(0)
    assert rates[: peak + 1] == sorted(rates[: peak + 1]) and rates[peak:] == sorted(rates[peak:], reverse=True)


def test_few_patches_first_then_half_way_then_all():
    from trainer.budget import kept_at
    from trainer.recipe import Recipe

    recipe = Recipe(image_size=64, patch_size=8, kept=24, kept_share=0.7)
    assert [kept_at(p, recipe) for p in (0, 0.69, 0.71, 0.79, 0.81, 1)] == [24, 24, 44, 44, None, None]


def test_budgets_add_up_and_text_is_short():
    from trainer.budget import Budget, share_out
    from trainer.recipe import Recipe

    recipe = Recipe(tower="vit", teacher_share=0.3)
    minutes = {stage: budget.minutes for stage, budget in share_out(recipe, 150, None).items()}
    assert minutes["text"] <= 8 and 140 <= sum(minutes.values()) <= 150
    assert minutes["teacher"] / minutes["image"] == pytest.approx(3 / 7)
    assert share_out(recipe, 150, 1000)["teacher"].examples == 300
    assert Budget(minutes=4).progress(1, 10**9) == 0.25
    assert Budget(examples=10).progress(10**9, 20) == 1


# Weights.


def test_average_follows_slowly_and_leaves_the_module_alone():
    import torch
    from trainer.average import Average

    module = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(module.weight, 0.0)
    average = Average(module, decay=0.9)
    torch.nn.init.constant_(module.weight, 1.0)
    expected = 0.0
    for update in range(1, 200):
        average.update()
        expected += (1 - min(0.9, update / (update + 10))) * (1 - expected)
        # float32 rounding of some hundred small steps
        assert average.values["weight"].item() == pytest.approx(expected, abs=1e-5)
    average.values["weight"].fill_(0.5)
    with average.applied():
        assert module.weight.item() == 0.5
    assert module.weight.item() == 1.0


def test_orthogonalised_matrices_have_singular_values_near_one_and_the_same_directions():
    import torch
    from trainer.optimizer import orthogonalise

    for shape in ((3, 24, 40), (3, 40, 24)):
        matrices = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        u, _, vt = torch.linalg.svd(matrices, full_matrices=False)
        ours = orthogonalise(matrices)
        values = torch.diagonal(u.mT @ ours @ vt.mT, dim1=1, dim2=2)
        # Five rounds bring singular values from about 0.03 of the norm to 0.7-1.2 (Jordan 2024), not to 1 exactly.
        assert values.min() > 0.3 and values.max() < 1.3


def test_both_kinds_of_parameter_reach_the_minimum():
    import torch
    from trainer.optimizer import Optimizer

    torch.manual_seed(0)
    matrix, vector = torch.nn.Parameter(torch.randn(4, 6)), torch.nn.Parameter(torch.randn(3))
    optimizer = Optimizer([matrix], [vector], weight_decay=0.0)
    for i in range(300):
        optimizer.set_rate(0.1 * (1 - i / 300))
        optimizer.zero_grad()
        (matrix.square().sum() + (vector - 2).square().sum()).backward()
        optimizer.step()
    # The last steps are 0.0003 long.
    assert matrix.abs().max() < 0.05 and (vector - 2).abs().max() < 0.05


# Pictures.


def test_order_shows_every_picture_once_a_turn_and_depends_on_the_step_alone():
    import torch
    from trainer.pictures import Order

    labels = torch.tensor([0] * 30 + [1] * 10)
    shares = torch.tensor([1.0, 0.5])
    order = Order(labels, shares, seed=1)
    assert order.length == 35
    turn = torch.cat([order.batch(step, 7) for step in range(5)]).tolist()
    following = torch.cat([order.batch(step, 7) for step in range(5, 10)]).tolist()
    assert len(set(turn)) == 35 and set(range(30)) <= set(turn)
    assert set(following) != set(turn) and following[:10] != turn[:10]
    later = Order(labels, shares, seed=1)
    assert later.batch(9, 7).equal(torch.cat([order.batch(step, 7) for step in range(10)])[-7:])
    assert Order(labels, torch.tensor([0.0, 1.0]), seed=1).batch(0, 10).min() >= 30


def test_pasted_pictures_are_the_share_of_their_own_that_is_said():
    import torch
    from trainer.augment import paste

    pixels = torch.arange(64.0)[:, None, None, None].expand(-1, 3, 16, 16)
    mixed, own = paste(pixels, 0.5, torch.Generator().manual_seed(0))
    same = (mixed == pixels).float().mean((1, 2, 3))
    assert torch.equal(own, same)
    assert (mixed == pixels.roll(-1, 0))[own < 1].any((1, 2, 3)).all()
    assert 0.3 < (own == 1).float().mean() < 0.7
    assert torch.equal(paste(pixels, 0.0, torch.Generator())[0], pixels)


def test_augmented_pictures_keep_their_range_and_take_the_asked_size():
    import torch
    from trainer.augment import augment

    pixels = torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    ours = augment(pixels, torch.Generator().manual_seed(1), 24)
    assert ours.shape == (8, 3, 24, 24) and ours.min() >= 0 and ours.max() <= 1
    assert ours.equal(augment(pixels, torch.Generator().manual_seed(1), 24))


def test_sharpening_changes_edges_alone_and_by_the_amount_asked_for():
    import torch
    from trainer.augment import sharpen

    pixels = torch.zeros(3, 3, 8, 8)
    pixels[..., 4:] = 1
    ours = sharpen(pixels, torch.tensor([0.0, 0.6, -0.6]))
    assert torch.equal(ours[0], pixels[0])
    row = torch.tensor([0, 0, 0, -0.2, 1.2, 1, 1, 1])
    assert torch.allclose(ours[1], row.expand(3, 8, 8), atol=1e-6)
    assert torch.allclose(ours[2], (2 * pixels[2] - row).expand(3, 8, 8), atol=1e-6)


# ResNet.


def test_resnet_is_open_clip_s_and_resizes_its_positions_for_smaller_pictures():
    import torch
    from open_clip.modified_resnet import ModifiedResNet
    from trainer.recipe import Recipe
    from trainer.resnet_tower import ResNetTower, resize_positions

    recipe = Recipe(resnet_width=4, resnet_blocks=2, image_size=96, projection_dim=8)
    tower = ResNetTower(recipe)
    pixels = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    for block in (block for stage in range(1, 5) for block in getattr(tower.visual, f"layer{stage}")):
        torch.nn.init.ones_(block.bn3.weight)  # zero: nothing of the block would show
    with torch.no_grad():
        tower(pixels)  # statistics that are not those of the beginning
        tower.eval()
        theirs = ModifiedResNet([2] * 4, 8, heads=2, image_size=96, width=4).eval()
        theirs.load_state_dict(tower.visual.state_dict())
        reference = theirs(pixels)
        assert torch.allclose(tower(pixels), reference / reference.norm(dim=-1, keepdim=True), atol=1e-6)
        assert tower(pixels[..., :64, :64]).shape == (2, 8)
    positions = torch.cat([torch.zeros(1, 2), torch.arange(9.0)[:, None].expand(9, 2)])
    # Half-way between the corner, its two neighbours and the middle: (0 + 1 + 3 + 4) / 4 where pixels' centres are a third apart.
    assert resize_positions(positions, 2)[:, 0].tolist() == [0, 1, 2.5, 5.5, 7]


def test_replicas_gradients_and_statistics_are_the_means_of_their_parts():
    import torch
    from trainer.parallel import Replicas

    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 1))
    parts = torch.randn(2, 8, 4)
    alone = []
    for part in parts:
        twin = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 1))
        twin.load_state_dict(module.state_dict())
        twin(part).square().sum().backward()
        alone.append(twin)
    replicas = Replicas(module, 2)
    loss = replicas.backward(lambda replica, part, power: replica(part).pow(power).sum(), parts, [2, 2])
    assert loss > 0
    for p, *own in zip(module.parameters(), *(twin.parameters() for twin in alone)):
        assert torch.allclose(p.grad, (own[0].grad + own[1].grad) / 2, atol=1e-6)
    for replica in replicas.replicas:
        assert torch.allclose(replica[1].running_mean, (alone[0][1].running_mean + alone[1][1].running_mean) / 2, atol=1e-6)
    module[0].weight.data.fill_(1)
    assert replicas.replicas[1][0].weight.eq(1).all()


# Tokens.


def test_embedding_of_all_patches_is_that_of_transformers(small_model):
    import torch
    from trainer.towers import embed_pixels

    pixels = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        reference = small_model[0].get_image_features(pixels).pooler_output
        ours, tapped = embed_pixels(small_model[0], pixels, tap=1)
    # The same operations in the same order: float32 rounding only.
    assert torch.allclose(ours, reference / reference.norm(dim=-1, keepdim=True), atol=1e-6)
    assert tapped.shape == (3, 16, 32)


def test_dropped_patches_have_no_influence_and_kept_ones_their_own_positions(small_model):
    import torch
    from trainer.towers import embed_pixels, keep_patches

    model = small_model[0]
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randn(2, 3, 32, 32, generator=generator)
    kept = torch.tensor([[0, 5], [2, 15]])
    changed = pixels.clone()
    changed[0, :, :8, 8:16] += 1  # the first picture's patch 1, which is dropped
    changed[1, :, :8, 16:24] += 1  # the second one's patch 2, which is kept
    with torch.no_grad():
        before, after = (embed_pixels(model, p, kept) for p in (pixels, changed))
        everything = embed_pixels(model, pixels, torch.arange(16).expand(2, -1))
        whole = embed_pixels(model, pixels)
    assert torch.equal(before[0], after[0]) and not torch.allclose(before[1], after[1], atol=1e-4)
    assert torch.allclose(everything, whole, atol=1e-6)
    chosen = keep_patches(5, 16, 6, generator)
    assert chosen.shape == (5, 6) and (chosen.diff(dim=1) > 0).all()


def test_guide_is_nothing_where_the_tower_says_what_the_teacher_sees():
    import torch
    from trainer.image_stage import guide_loss
    from trainer.recipe import Recipe

    recipe = Recipe(image_size=32, patch_size=8)
    seen = torch.rand(3, 5, 4, 4, generator=torch.Generator().manual_seed(0))
    wanted = seen.flatten(2).mT
    wanted = wanted - wanted.mean((0, 1))
    kept = torch.tensor([[0, 3], [1, 2], [7, 15]])
    assert guide_loss(wanted, seen, None, recipe).item() == pytest.approx(0, abs=1e-6)
    rows = torch.stack([wanted[i, k] for i, k in enumerate(kept)])
    assert guide_loss(rows, seen, kept, recipe).item() == pytest.approx(0, abs=1e-6)
    assert guide_loss(-rows, seen, kept, recipe).item() == pytest.approx(2, abs=1e-6)


# Words.


def test_similarity_follows_wu_and_palmer_through_the_deepest_common_ancestor(wordnet):
    import torch
    from trainer.words import similarity

    words = ["dog", "puppy", "cat", "domestic animal", "pizza"]
    # Depths: entity 1, physical entity 2, animal and pizza 3, carnivore and domestic animal 4, dog and cat 5, puppy 6.
    expected = [
        [1, 10 / 11, 8 / 10, 8 / 9, 4 / 8],
        [10 / 11, 1, 8 / 11, 8 / 10, 4 / 9],
        [8 / 10, 8 / 11, 1, 6 / 9, 4 / 8],
        [8 / 9, 8 / 10, 6 / 9, 1, 4 / 7],
        [4 / 8, 4 / 9, 4 / 8, 4 / 7, 1],
    ]
    assert torch.allclose(similarity(wordnet, [wordnet.first_sense(word) for word in words]), torch.tensor(expected))


def test_points_have_the_wanted_cosines(wordnet):
    import torch
    from trainer.points import fixed_points, wanted_cosines
    from trainer.words import similarity

    synsets = sorted(offset for offset, _ in NOUNS.values())
    cosines = wanted_cosines(similarity(wordnet, synsets))
    points = fixed_points(cosines.clone(), torch.ones(len(synsets)), 16, torch.Generator().manual_seed(0))
    # As many dimensions as meanings: float32 rounding of an eigendecomposition.
    assert torch.allclose(points @ points.T, cosines, atol=1e-3)


def test_words_of_greater_weight_get_their_cosines_where_dimensions_are_scarce(wordnet):
    import torch
    from trainer.points import fixed_points, wanted_cosines
    from trainer.words import similarity

    synsets = [NOUNS[word][0] for word in NOUNS]
    heavy = torch.tensor([word in ("dog", "car", "pizza") for word in NOUNS])
    cosines = wanted_cosines(similarity(wordnet, synsets))
    errors = []
    for weight in (1.0, 100.0):
        points = fixed_points(cosines, torch.where(heavy, weight, 1.0), 4, torch.Generator().manual_seed(0))
        errors.append((points @ points.T - cosines)[heavy][:, heavy].abs().max().item())
    assert errors[1] < 0.02 < errors[0]


def test_plain_words_of_a_meaning_are_those_that_mean_it_first(wordnet):
    wordnet.words[NOUNS["cat"][0]].append("dog")
    try:
        assert wordnet.plain_words(NOUNS["cat"][0]) == ["cat"]
    finally:
        wordnet.words[NOUNS["cat"][0]].remove("dog")


def test_abstract_words_are_left_out_and_class_names_take_precedence(wordnet):
    from trainer.words import collect_words

    truck_called_dog = {"wordnet": "n" + NOUNS["truck"][0], "names": ["Dog"]}
    meanings = collect_words(wordnet, [truck_called_dog], untagged=0)
    assert meanings["dog"] == NOUNS["truck"][0]
    assert meanings["cat"] == NOUNS["cat"][0]
    assert "idea" not in meanings


def test_a_gloss_makes_a_young_animal_a_kind_of_the_grown_one(data, tmp_path):  # noqa: F811
    from trainer.wordnet import WordNet

    text = (data / "wordnet" / "data.noun").read_text()
    kitten = f"00000160 03 n 01 kitten 0 001 @ {NOUNS['animal'][0]} n 0000 | young cat; \"mewing\"  \n"
    (tmp_path / "data.noun").write_text(text + kitten)
    (tmp_path / "index.noun").write_text((data / "wordnet" / "index.noun").read_text() + "kitten n 1 1 @ 1 1 00000160  \n")
    wordnet = WordNet(tmp_path)
    assert NOUNS["cat"][0] in wordnet.ancestors("00000160")
    assert "00000160" not in wordnet.ancestors(NOUNS["cat"][0])


# Targets.


class FakeSession:
    """What Targets and ClassMasks need of a session."""

    def __init__(self, folder, wordnet, tokenizer, left_out=()):
        import torch
        from trainer.recipe import Recipe

        self.classes = json.loads((folder / "pictures" / "classes.json").read_text())
        self.wordnet, self.tokenizer, self.device = wordnet, tokenizer, torch.device("cpu")
        self.recipe = Recipe(word_negatives=50)
        self.left_out = torch.tensor([word in left_out for word in COLOURS])


def test_a_kind_of_the_own_class_is_no_negative_and_one_left_out_is_nobodys(data, wordnet, small_model):  # noqa: F811
    from trainer.targets import ClassMasks

    masks = ClassMasks(FakeSession(data, wordnet, small_model[1], left_out=("pizza",)))
    masked = {(a, b) for i, a in enumerate(COLOURS) for j, b in enumerate(COLOURS) if masks.masked[i, j]}
    assert masked == {("dog", "puppy"), ("puppy", "dog"), *((word, "pizza") for word in COLOURS)}


def test_words_without_pictures_are_negatives_unless_they_are_near(data, wordnet, small_model):  # noqa: F811
    import torch
    from trainer.targets import ClassMasks, Targets

    session = FakeSession(data, wordnet, small_model[1])
    session.classes = session.classes[:2]  # dog and cat: car, truck, pizza and puppy lose their pictures
    session.left_out = session.left_out[:2]
    targets = Targets(session, small_model[0], ClassMasks(session))
    # Vehicle, car, truck, pizza and domestic animal are left; puppy is a dog, animal and carnivore are above dog and cat.
    names = sorted(w.replace("_", " ") for w in ("vehicle", "car", "truck", "pizza"))
    assert len(targets.words.counts) == len(names)
    assert targets.far.all()
    labels = torch.tensor([0, 1])
    features = torch.nn.functional.normalize(torch.randn(2, 32, generator=torch.Generator().manual_seed(0)), dim=1)
    classes, negatives, words = targets.logits(features, 10.0, torch.Generator().manual_seed(0))
    assert classes.shape == (2, 2) and negatives.shape == (2, 50)
    loss = targets.label_loss(classes, negatives, words, labels)
    everything = torch.cat([classes, negatives], 1)
    expected = everything.logsumexp(1) - classes[[0, 1], [0, 1]]
    assert torch.allclose(loss, expected, atol=1e-5)
    targets.far[:] = False
    alone = targets.label_loss(classes, negatives, words, labels)
    assert torch.allclose(alone, classes.logsumexp(1) - classes[[0, 1], [0, 1]], atol=1e-5)


def test_what_is_above_a_class_is_held_against_all_that_is_not_true_of_the_picture(data, wordnet, small_model):  # noqa: F811
    import torch
    from trainer.targets import ClassMasks, Targets

    session = FakeSession(data, wordnet, small_model[1])
    targets = Targets(session, small_model[0], ClassMasks(session))
    assert targets.is_a.shape[0] == len(session.classes)
    features = torch.nn.functional.normalize(torch.randn(6, 32, generator=torch.Generator().manual_seed(0)), dim=1).requires_grad_()
    labels = torch.arange(6)
    classes, negatives, words = targets.logits(features.detach(), 10.0, torch.Generator().manual_seed(0))
    classes.requires_grad_()
    targets.hypernym_loss(features, classes, negatives, words, labels, 10.0, torch.Generator().manual_seed(0)).backward()
    pushed = classes.grad > 0
    for i, own in enumerate(COLOURS):
        for j, other in enumerate(COLOURS):
            if targets.is_a[i].any():
                assert pushed[i, j] == (own != other and not targets.masks.masked[i, j]), (own, other)
            else:
                assert not pushed[i].any()
    assert pushed.any()


def test_positions_of_neighbours_are_nearer_than_those_of_far_patches(small_model):
    import torch
    from trainer.towers import waves

    places = torch.nn.functional.normalize(waves(8, 64), dim=1)
    cosines = (places @ places.T).view(64, 8, 8)[27]  # from row 3, column 3
    assert cosines[3, 3] == pytest.approx(1, abs=1e-5)
    assert cosines[3, 4] > cosines[3, 6] and cosines[4, 3] > cosines[7, 3]
    assert math.isclose(waves(8, 64).square().mean().item(), 1, rel_tol=0.2)
