"""The table of the model card: zero-shot accuracy with the template "a photo of a {}.".

/* N pictures, L labels, C classes */
"""

import torch

from .towers import embed_many_texts, embed_pixels, normalise
from .words import TEMPLATES, class_synset

COARSE_WORDS = ("dog", "cat", "bird", "vehicle", "food", "furniture", "insect", "clothing")


@torch.no_grad()
def embed_all(model, pictures, batch=256):
    """Every picture, unaltered -> (N, E)."""
    model.eval()
    rows = range(0, len(pictures.labels), batch)
    indices = [range(i, min(i + batch, len(pictures.labels))) for i in rows]
    return torch.cat([embed_pixels(model, normalise(pictures.pixels(part))) for part in indices])


def similarities(model, tokenizer, features, names):
    """-> (N, L) cosines with the names in the card's template."""
    return features @ embed_many_texts(model, tokenizer, [TEMPLATES[0].format(name) for name in names]).T


def top(cosines, labels, k):
    """Share of rows whose label is among the k nearest names."""
    k = min(k, cosines.shape[1])
    return (cosines.topk(k, 1).indices == labels[:, None]).any(1).float().mean().item()


def among_five(cosines, labels, seed=0):
    """Share of rows whose own name beats four others, drawn at random for each row."""
    noise = torch.rand(cosines.shape, generator=torch.Generator().manual_seed(seed))
    noise.scatter_(1, labels[:, None], -1.0)  # the own name is no rival
    rivals = noise.topk(min(4, cosines.shape[1] - 1), 1).indices
    own = cosines.gather(1, labels[:, None])
    return (own > cosines.gather(1, rivals)).all(1).float().mean().item()


def coarse_labels(wordnet, classes):
    """-> (C): for each class the index of the coarse word that it is a kind of, -1 for none."""
    words = [wordnet.first_sense(word) for word in COARSE_WORDS]
    lines = [wordnet.ancestors(class_synset(entry)) for entry in classes]
    return torch.tensor([next((i for i, word in enumerate(words) if word in line), -1) for line in lines])


def measure(model, tokenizer, wordnet, classes, pictures):
    """-> rows of the table: (what was measured, number of pictures, accuracy)."""
    features = embed_all(model, pictures)
    rows = []
    for name in sorted({entry["set"] for entry in classes}):
        own = [i for i, entry in enumerate(classes) if entry["set"] == name]
        chosen = torch.isin(pictures.labels, torch.tensor(own))
        if not chosen.any():
            continue
        labels = torch.searchsorted(torch.tensor(own), pictures.labels[chosen])
        cosines = similarities(model, tokenizer, features[chosen], [classes[i]["names"][0] for i in own])
        count = len(labels)
        rows.append((f"{name}, {len(own)} names, top-1", count, top(cosines, labels, 1)))
        rows.append((f"{name}, {len(own)} names, top-5", count, top(cosines, labels, 5)))
        rows.append((f"{name}, the right name and four others of its set", count, among_five(cosines, labels)))
        coarse = coarse_labels(wordnet, classes)[pictures.labels[chosen]]
        known = coarse >= 0
        if known.any():
            cosines = similarities(model, tokenizer, features[chosen][known], COARSE_WORDS)
            rows.append((f"{name}, {len(COARSE_WORDS)} coarse words", int(known.sum()), top(cosines, coarse[known], 1)))
    return rows


def table(rows):
    """The rows in Markdown."""
    lines = ["| measured on | pictures | accuracy |", "| --- | --- | --- |"]
    return "\n".join(lines + [f"| {what} | {count:,} | {100 * share:.1f} % |" for what, count, share in rows])
