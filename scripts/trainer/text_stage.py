"""Stage 1: the text tower alone learns WordNet.

Pictures of 210 classes cannot teach words; a dictionary can. After this stage words lie by meaning ("dog" next to
"puppy", far from "pizza"), and a word that no picture shows has a sensible place.
"""

from .schedule import Progress, make_optimizer, set_rate
from .towers import embed_texts
from .words import Similarity, WordBatches, collect_words

PEAK_RATE = 2e-3
WEIGHT_DECAY = 0.01
# Cubed, similarities spread out: two unrelated things share "physical entity" and start near 0.3.
TARGET_POWER = 3
# Near pairs are rare among all pairs and are what a label list is about.
NEAR_WEIGHT = 8


def train_text(model, tokenizer, wordnet, classes, steps, untagged, seed):
    """Trains text_model and text_projection in place; returns the last step's loss."""
    meanings = collect_words(wordnet, classes, untagged)
    similarity = Similarity(wordnet, sorted(set(meanings.values())))
    batches = WordBatches(wordnet, meanings, classes, seed)
    optimizer = make_optimizer([*model.text_model.parameters(), *model.text_projection.parameters()], WEIGHT_DECAY)
    progress = Progress(f"text ({len(meanings)} words)", steps)
    model.train()
    for step in range(steps):
        set_rate(optimizer, step, steps, PEAK_RATE)
        texts, synsets = batches.draw()
        loss = pair_loss(embed_texts(model, tokenizer, texts), similarity(synsets) ** TARGET_POWER)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        progress.add(step, loss.item())
    return loss.item()


def pair_loss(embeddings, target):
    """(B, E) unit rows, (B, B) wanted cosines -> the mean squared error over all pairs, near pairs weighing more."""
    weight = 1 + NEAR_WEIGHT * target
    weight.fill_diagonal_(0)  # a text's cosine with itself is 1 whatever the tower does
    error = (embeddings @ embeddings.T - target) ** 2
    return (weight * error).sum() / weight.sum()
