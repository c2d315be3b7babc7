"""What the image tower points at: frozen embeddings of the classes, of broader words, and of words that no picture shows.

/* N pictures, C classes, H hypernyms, M words without pictures, E projection_dim */
"""

import math

import torch
import torch.nn.functional as F

from .towers import embed_many_texts
from .words import TEMPLATES, class_synset, collect_words, related, similarity

# A word without pictures this near a class (Wu-Palmer) is not held against it: "wolf" belongs near German shepherds.
NEAR = 0.8


class Prototypes:
    """Texts of each class, hypernym or other word, embedded once: every name bare and in templates."""

    def __init__(self, session, model, names, templates=TEMPLATES):
        """names: for each row its list of names."""
        texts, counts = [], []
        for row in names:
            wordings = [pattern.format(name) for name in row for pattern in ("{}", *templates)]
            texts += wordings
            counts.append(len(wordings))
        self.embeddings = embed_many_texts(model, session.tokenizer, texts)
        self.counts = torch.tensor(counts)
        self.starts = self.counts.cumsum(0) - self.counts

    def draw(self, generator, rows=None):
        """-> (rows, E): one random wording of each row, or of those given."""
        counts, starts = (self.counts, self.starts) if rows is None else (self.counts[rows], self.starts[rows])
        offsets = (torch.rand(len(counts), generator=generator) * counts).long()
        return self.embeddings[(starts + offsets).to(self.embeddings.device)]


class ClassMasks:
    """Which classes are no negatives of which: a tabby is a cat. Those left out are nobody's."""

    def __init__(self, session):
        synsets = [class_synset(entry) for entry in session.classes]
        masked = [[i != j and related(session.wordnet, a, b) for j, b in enumerate(synsets)] for i, a in enumerate(synsets)]
        self.left_out = session.left_out.to(session.device)  # (C)
        self.masked = torch.tensor(masked).to(session.device) | self.left_out  # (C, C)

    def mask(self, logits, labels):
        """(N, C) -> the same, minus infinity where a class says nothing about a picture of this label."""
        return logits.masked_fill(self.masked[labels], -math.inf)


class Targets:
    """The losses of an embedding against words."""

    def __init__(self, session, model, masks):
        wordnet, classes = session.wordnet, session.classes
        self.masks, self.recipe, self.device = masks, session.recipe, session.device
        synsets = [class_synset(entry) for entry in classes]
        lines = [wordnet.ancestors(synset) for synset in synsets]
        self.classes = Prototypes(session, model, [entry["names"] for entry in classes])
        shared = sorted(set().union(*lines))
        # Hypernyms of more than half of the classes tell nothing.
        shared = [h for h in shared if 2 <= sum(h in line for line in lines) <= len(classes) / 2 and wordnet.plain_words(h)]
        self.hypernyms = Prototypes(session, model, [wordnet.plain_words(h) for h in shared]) if shared else None
        self.is_a = torch.tensor([[h in line for h in shared] for line in lines])  # (C, H)
        self.words, self.far = self._words_without_pictures(session, model, synsets)

    @staticmethod
    def _words_without_pictures(session, model, synsets):
        """-> (Prototypes of M words, (C, M) whether far enough from the class to be a negative), or (None, None)."""
        wordnet = session.wordnet
        meanings = collect_words(wordnet, session.classes, untagged=0)
        near = set().union(*(wordnet.ancestors(synset) for synset in synsets))
        own = set(synsets)
        chosen = sorted(w for w, s in meanings.items() if s not in near and own.isdisjoint(wordnet.ancestors(s)))
        if not chosen or session.recipe.word_negatives == 0:
            return None, None
        cosines = similarity(wordnet, [*synsets, *(meanings[word] for word in chosen)])
        # Thousands of words: one template has to do.
        prototypes = Prototypes(session, model, [[word] for word in chosen], TEMPLATES[:1])
        return prototypes, cosines[: len(synsets), len(synsets) :] < NEAR

    def names(self):
        """-> (C, E): each class's first name, bare."""
        return self.classes.embeddings[self.classes.starts.to(self.device)]

    def logits(self, features, scale, generator):
        """(N, E) unit rows -> ((N, C) logits of the classes, (N, words_negatives) those of words without pictures, their places)."""
        classes = scale * features @ self.classes.draw(generator).T
        if self.words is None:
            return classes, classes[:, :0], torch.zeros(0, dtype=torch.long)
        words = torch.randint(len(self.words.counts), (self.recipe.word_negatives,), generator=generator)
        return classes, scale * features @ self.words.draw(generator, words).T, words

    def label_loss(self, classes, negatives, words, labels):
        """-> (N): cross entropy over the classes and the words without pictures. labels: (N), on the CPU."""
        there = labels.to(self.device)
        logits = torch.cat([self.masks.mask(classes, there), self._mask_words(negatives, words, labels)], 1)
        return F.cross_entropy(logits, there, reduction="none")

    def _mask_words(self, negatives, words, labels):
        """(N, M) logits of words without pictures -> the same, minus infinity where a word is near the picture's class."""
        if self.words is None:
            return negatives
        return negatives.masked_fill(~self.far[labels][:, words].to(self.device), -math.inf)

    def hypernym_loss(self, features, classes, negatives, words, labels, scale, generator):
        """-> cross entropy of one drawn hypernym of each picture against all that is not true of it.

        That is other hypernyms, classes and words without pictures (the two as label_loss has them): against hypernyms alone, "dog"
        would never have to beat "chair".
        """
        rows = self.is_a[labels].any(1)
        if self.hypernyms is None or not rows.any():
            return features.new_zeros(())
        labels, there = labels[rows], rows.to(self.device)
        hypernyms = scale * features[there] @ self.hypernyms.draw(generator).T
        is_a = self.is_a[labels]
        wanted = torch.multinomial(is_a.float(), 1, generator=generator)[:, 0]
        others = is_a.scatter(1, wanted[:, None], False)  # also true, so no negatives
        hypernyms = hypernyms.masked_fill(others.to(self.device), -math.inf)
        classes = self.masks.mask(classes[there], labels.to(self.device))
        classes = classes.scatter(1, labels.to(self.device)[:, None], -math.inf)
        negatives = self._mask_words(negatives[there], words, labels)
        return F.cross_entropy(torch.cat([hypernyms, classes, negatives], 1), wanted.to(self.device))
