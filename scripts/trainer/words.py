"""What the text tower learns from: words, each with one meaning, and how near two meanings are."""

import random

import torch

from .wordnet import PHYSICAL_ENTITY

TEMPLATES = (
    "a photo of a {}.",
    "a photo of the {}.",
    "a picture of a {}.",
    "an image of a {}.",
    "a small photo of a {}.",
    "a close photo of a {}.",
    "a blurry photo of a {}.",
    "a bright photo of a {}.",
    "a dark photo of a {}.",
    "a photo of one {}.",
    "a photo of my {}.",
    "a snapshot of a {}.",
    "a {} in a photo.",
    "this is a {}.",
)


def class_synset(entry):
    """The synset of an entry of classes.json, whose `wordnet` is an n and eight digits."""
    return entry["wordnet"][1:]


def collect_words(wordnet, classes, untagged):
    """{word: synset}: class names first, then the classes' hypernyms, then common nouns for things.

    One meaning a word: where several claim it, a class wins, then the commonest sense. `untagged` limits how many words
    come from those that the tagged corpus never met; the shortest are taken, as they are the everyday ones.
    """
    meanings = {name.lower(): class_synset(entry) for entry in classes for name in entry["names"]}
    for entry in classes:
        for synset in sorted(wordnet.ancestors(class_synset(entry))):
            for word in wordnet.words[synset]:
                if wordnet.first_sense(word) == synset:
                    meanings.setdefault(word.lower(), synset)
    rare = []
    for word, (synsets, n_tagged) in wordnet.senses.items():
        if PHYSICAL_ENTITY not in wordnet.ancestors(synsets[0]):
            continue
        if n_tagged:
            meanings.setdefault(word, synsets[0])
        elif len(word) >= 3 and word.replace(" ", "").isalpha():
            rare.append(word)
    for word in sorted(rare, key=lambda word: (len(word), word))[:untagged]:
        meanings.setdefault(word, wordnet.senses[word][0][0])
    return meanings


class Similarity:
    """Wu-Palmer similarity of synsets: 2 depth(deepest common ancestor) / (depth(a) + depth(b)).

    /* S synsets, A all their ancestors */
    """

    def __init__(self, wordnet, synsets):
        nodes = sorted(set().union(*(wordnet.ancestors(s) for s in synsets)))
        column = {node: i for i, node in enumerate(nodes)}
        self.row = {synset: i for i, synset in enumerate(synsets)}
        self.depth = torch.tensor([wordnet.depth(s) for s in synsets], dtype=torch.float32)  # (S)
        self.node_depth = torch.tensor([wordnet.depth(n) for n in nodes])  # (A)
        self.is_ancestor = torch.zeros(len(synsets), len(nodes), dtype=torch.bool)  # (S, A)
        for i, synset in enumerate(synsets):
            self.is_ancestor[i, [column[node] for node in wordnet.ancestors(synset)]] = True

    def __call__(self, synsets):
        """B synsets -> (B, B) similarities between 0 and 1."""
        rows = torch.tensor([self.row[s] for s in synsets])
        member = self.is_ancestor[rows]
        used = member.any(0)
        member, node_depth = member[:, used].float(), self.node_depth[used]
        common = torch.zeros(len(rows), len(rows))
        for depth in node_depth.unique():  # ascending: the deepest common ancestor is written last
            level = member[:, node_depth == depth]
            common[level @ level.T > 0] = float(depth)
        depth = self.depth[rows]
        return 2 * common / (depth[:, None] + depth[None, :])


class WordBatches:
    """Draws the words of a batch: at random, as pairs of siblings (hard cases), and from the class names (what counts)."""

    def __init__(self, wordnet, meanings, classes, seed):
        self.random = random.Random(seed)
        self.meanings = meanings
        self.words = sorted(meanings)
        self.class_names = sorted({name.lower() for entry in classes for name in entry["names"]})
        children = {}
        for word in self.words:
            for parent in wordnet.hypernyms[meanings[word]]:
                children.setdefault(parent, []).append(word)
        self.families = [family for _, family in sorted(children.items()) if len(family) > 1]

    def draw(self, n_random=128, n_sibling_pairs=24, n_class_names=60):
        """-> (texts, synsets) of equal length; half of the texts are the bare word, half stand in a template."""
        words = self.random.choices(self.words, k=n_random) + self.random.choices(self.class_names, k=n_class_names)
        for family in self.random.choices(self.families, k=n_sibling_pairs):
            words += self.random.sample(family, 2)
        texts = [self.random.choice(TEMPLATES).format(w) if self.random.random() < 0.5 else w for w in words]
        return texts, [self.meanings[w] for w in words]
