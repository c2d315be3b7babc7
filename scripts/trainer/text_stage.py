"""Stage `text`: the text tower alone learns where WordNet puts its words.

Pictures of 210 classes cannot teach words; a dictionary can. After this stage words lie by meaning ("dog" next to
"puppy", far from "pizza"), and a word that no picture shows has a sensible place.
"""

import torch

from .average import Average
from .budget import rate_at
from .loop import Loop
from .optimizer import Optimizer
from .points import fixed_points, wanted_cosines
from .towers import embed_texts, layer_matrices
from .words import WordPlaces, similarity

WEIGHT_DECAY = 0.01


class TextTower(torch.nn.Module):
    """The parts of the model that this stage trains."""

    def __init__(self, model):
        super().__init__()
        self.text_model, self.text_projection = model.text_model, model.text_projection


def train_text(session, model):
    """Trains text_model and text_projection in place; their averaged weights are in text.pt."""
    recipe = session.recipe
    tower = TextTower(model)
    matrices = layer_matrices(model.text_model)
    chosen = set(matrices)
    optimizer = Optimizer(matrices, [p for p in tower.parameters() if p not in chosen], WEIGHT_DECAY)
    average = Average(tower, recipe.average_decay)
    loop = Loop(session, "text", {"tower": tower, "average": average, "optimizer": optimizer}, recipe.seed)
    if loop.finished:
        return
    places = WordPlaces(session.wordnet, session.classes, recipe.untagged)
    points = place(places, session.wordnet, recipe).to(session.device)
    loop.say(f"{len(places.words)} words of {len(places.synsets)} meanings")
    for progress in loop.steps():
        texts, rows = places.draw(recipe.text_batch, loop.generator)
        # Between unit vectors the squared distance is 2 - 2 cosine.
        loss = (embed_texts(model, session.tokenizer, texts) - points[rows]).square().sum(1).mean()
        step(optimizer, loss, rate_at(progress, recipe.text_rate))
        average.update()
        loop.record(len(texts), loss.item(), rate_at(progress, recipe.text_rate))


def place(places, wordnet, recipe):
    """-> (S, E): the points of places.synsets."""
    cosines = wanted_cosines(similarity(wordnet, places.synsets))
    generator = torch.Generator().manual_seed(recipe.seed)
    return fixed_points(cosines, places.weights, recipe.projection_dim, generator)


def step(optimizer, loss, rate):
    """One step of any stage."""
    optimizer.set_rate(rate)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
