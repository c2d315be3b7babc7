"""The nouns of WordNet 3.0, read from the text files of its distribution (Debian: wordnet-base).

A synset (one meaning, with the words for it) is named by its eight-digit offset, as in the files; the format is
documented in wndb(5WN). Only what the training needs is kept: words, hypernyms ("is a kind of") and the order of senses.
"""

import re
from pathlib import Path

PHYSICAL_ENTITY = "00001930"


def read_synsets(path):
    """data.noun -> ({synset: its words}, {synset: its direct hypernyms, instance hypernyms too}, {synset: its gloss})."""
    words, hypernyms, glosses = {}, {}, {}
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        if line.startswith(" "):  # the licence, at the head of the file
            continue
        facts, _, gloss = line.partition(" | ")
        fields = facts.split()
        synset, n_words = fields[0], int(fields[3], 16)
        glosses[synset] = gloss
        words[synset] = [word.replace("_", " ") for word in fields[4 : 4 + 2 * n_words : 2]]
        pointers = fields[5 + 2 * n_words :]  # groups of four: symbol, target, part of speech, which words
        hypernyms[synset] = [
            target
            for symbol, target, part in zip(pointers[0::4], pointers[1::4], pointers[2::4])
            if symbol in ("@", "@i") and part == "n"
        ]
    return words, hypernyms, glosses


def read_senses(path):
    """index.noun -> {word: (its synsets, commonest first; how many of them a tagged corpus contains)}."""
    senses = {}
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        if line.startswith(" "):
            continue
        fields = line.split()
        n_senses = int(fields[2])
        senses[fields[0].replace("_", " ")] = (fields[-n_senses:], int(fields[-n_senses - 1]))
    return senses


class WordNet:
    """Nouns as a directed graph: from each meaning up to the more general ones."""

    def __init__(self, folder):
        self.words, self.hypernyms, glosses = read_synsets(Path(folder) / "data.noun")
        self.senses = read_senses(Path(folder) / "index.noun")
        self._add_grown(glosses)
        self._ancestors = {}
        self._depth = {}

    def _add_grown(self, glosses):
        """What a gloss calls a young animal becomes a kind of that animal, which its hypernyms often do not say.

        "kitten" is "young domestic cat" by gloss and no cat by hypernyms, as "puppy" is a dog.
        """
        for synset, gloss in glosses.items():
            young = re.match(r"(?:an? |the )?young (?:of )?(?:an? |the )?([a-z -]+)", gloss)
            grown = self.first_sense(young[1].strip()) if young else None
            if grown and not self._is_below(grown, synset) and not self._is_below(synset, grown):
                self.hypernyms[synset] = [*self.hypernyms[synset], grown]

    def _is_below(self, synset, upper):
        return synset == upper or any(self._is_below(parent, upper) for parent in self.hypernyms[synset])

    def first_sense(self, word):
        """The commonest meaning of a word, or None for a word that WordNet does not have."""
        entry = self.senses.get(word.lower())
        return entry[0][0] if entry else None

    def plain_words(self, synset):
        """Its words whose commonest meaning it is."""
        return [word for word in self.words[synset] if self.first_sense(word) == synset]

    def ancestors(self, synset):
        """The synset itself and everything it is a kind of."""
        if synset not in self._ancestors:
            found = {synset}
            for parent in self.hypernyms[synset]:
                found |= self.ancestors(parent)
            self._ancestors[synset] = frozenset(found)
        return self._ancestors[synset]

    def depth(self, synset):
        """Length of the longest way up, so that a meaning always lies deeper than what it is a kind of."""
        if synset not in self._depth:
            self._depth[synset] = 1 + max((self.depth(p) for p in self.hypernyms[synset]), default=0)
        return self._depth[synset]
