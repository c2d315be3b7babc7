"""What the text tower learns from: words, each with one meaning, and how near two meanings are.

/* S synsets */
"""

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

# How much more exactly the points of classes, and of what is above them, are met than other words'; README.md has the figures.
CLASS_WEIGHT, ABOVE_WEIGHT = 400.0, 20.0


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
            for word in wordnet.plain_words(synset):
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


def similarity(wordnet, synsets):
    """-> (S, S) Wu-Palmer similarities, 0 to 1: 2 depth(deepest common ancestor) / (depth(a) + depth(b))."""
    below = {}
    for row, synset in enumerate(synsets):
        for node in wordnet.ancestors(synset):
            below.setdefault(node, []).append(row)
    common = torch.zeros(len(synsets), len(synsets))
    for node in sorted(below, key=wordnet.depth):  # the deepest common ancestor is written last
        rows = torch.tensor(below[node])
        common[rows[:, None], rows] = float(wordnet.depth(node))
    depth = torch.tensor([float(wordnet.depth(synset)) for synset in synsets])
    return common.mul_(2).div_(depth[:, None] + depth)


def related(wordnet, a, b):
    """Whether one of the two synsets is a kind of the other, or both are one."""
    return a in wordnet.ancestors(b) or b in wordnet.ancestors(a)


class WordPlaces:
    """The words with their points, and batches of texts for the text tower."""

    def __init__(self, wordnet, classes, untagged):
        self.meanings = collect_words(wordnet, classes, untagged)
        self.words = sorted(self.meanings)
        self.synsets = sorted(set(self.meanings.values()))
        row = {synset: i for i, synset in enumerate(self.synsets)}
        self.rows = torch.tensor([row[self.meanings[word]] for word in self.words])  # of each word's point
        class_synsets = {class_synset(entry) for entry in classes}
        above = set().union(*(wordnet.ancestors(synset) for synset in class_synsets))
        self.weights = torch.tensor([CLASS_WEIGHT if s in class_synsets else ABOVE_WEIGHT if s in above else 1.0
                                     for s in self.synsets])
        self.chances = self.weights[self.rows].sqrt()  # of each word, to be drawn

    def draw(self, count, generator):
        """-> (texts, rows of their points); half of the texts are the bare word, half stand in a template."""
        drawn = torch.multinomial(self.chances, count, replacement=True, generator=generator)
        kinds = torch.randint(2 * len(TEMPLATES), (count,), generator=generator).tolist()
        texts = [TEMPLATES[kind].format(self.words[word]) if kind < len(TEMPLATES) else self.words[word]
                 for word, kind in zip(drawn.tolist(), kinds)]
        return texts, self.rows[drawn]
