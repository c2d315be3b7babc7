"""Training of the built-in model: a small CLIP that learns its words from WordNet and its pictures from labels."""
