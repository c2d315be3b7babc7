"""Every number of the recipe in one place, and the note of it that a state folder keeps.

What was measured to choose them stands in README.md beside this file.
"""

import dataclasses
import json
from dataclasses import dataclass

from .state import write_whole


@dataclass(frozen=True)
class Recipe:
    """The model's sizes and how it is trained; `--set NAME=VALUE` changes one."""

    seed: int = 1

    # The model. A ResNet has resnet_*, a vision transformer what follows.
    tower: str = "resnet"  # or "vit"
    image_size: int = 96  # pixels
    picture_size: int = 64  # pixels of the pictures to learn from, as they are kept
    resnet_width: int = 24  # channels inside its first stage's blocks
    resnet_blocks: int = 2  # of each of its four stages
    patch_size: int = 8  # pixels
    width: int = 160
    layers: int = 6
    heads: int = 5
    text_width: int = 256  # at least projection_dim, or the points cannot be reached
    text_layers: int = 2
    text_heads: int = 4
    projection_dim: int = 256  # more than there are classes: fewer put siblings on one point
    context_length: int = 32  # tokens
    merges: int = 8000  # of CLIP's byte-pair encoding

    # Text: words learn their places.
    untagged: int = 6000  # words beside those that WordNet's tagged corpus contains
    text_batch: int = 256  # texts
    text_steps: int = 1200  # where the budget is counted in pictures
    text_minutes: float = 8.0  # at most, where it is counted in minutes
    text_rate: float = 2e-3

    # Teacher, of a vision transformer: a convolutional network learns the same classes.
    teacher_width: int = 32  # channels of its first stage
    teacher_share: float = 0.25  # of the budget; 0 trains without a teacher
    teacher_rate: float = 3e-3
    teacher_small: int = 40  # pixels a side in the first part
    teacher_small_share: float = 0.5  # how long that part is
    teacher_view: int = 48  # pixels a side that it looks at while it teaches

    # Image: the image tower learns to point at the words.
    batch: int = 128  # pictures
    rate: float = 4e-3
    weight_decay: float = 0.05
    average_decay: float = 0.998  # of the moving average of the weights, a step
    cifar_share: float = 0.8  # of CIFAR-10 that is seen for each turn of Tiny ImageNet
    hypernym_weight: float = 0.5
    max_logit_scale: float = 20.0  # higher ones let an embedding be near nothing: no word that was not learnt would be right
    word_negatives: int = 128  # words a step that no picture shows

    # The same, of a ResNet.
    small_size: int = 64  # pixels a side of the pictures in the first part
    small_share: float = 0.6  # how long that part is

    # The same, of a vision transformer.
    kept: int = 24  # patches of a picture in the first part
    kept_share: float = 0.65  # how long that part is
    mixed_share: float = 0.0  # of the pictures, with a piece of another one pasted in
    distill_weight: float = 0.5  # the teacher's answers against the labels
    temperature: float = 2.0  # of the teacher's answers
    guide_weight: float = 1.0  # the teacher's feature map
    guide_layer: int = 3  # after which layer the tower's tokens follow it

    # What is left out, to measure words whose pictures were never seen.
    leave_out: int = 0  # classes

    @property
    def taught(self):
        """Whether there is a teacher."""
        return self.tower == "vit" and self.teacher_share > 0


TOWERS = ("resnet", "vit")


def parse_recipe(settings):
    """["name=value", ...] -> Recipe; a name that does not exist or a value of the wrong kind is a ValueError that names it."""
    kinds = {field.name: type(field.default) for field in dataclasses.fields(Recipe)}
    values = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or name not in kinds:
            raise ValueError(f"--set {setting}: not NAME=VALUE with one of {', '.join(kinds)}")
        try:
            values[name] = kinds[name](value)
        except ValueError:
            raise ValueError(f"--set {setting}: {value!r} is no {kinds[name].__name__}") from None
    recipe = Recipe(**values)
    if recipe.tower not in TOWERS:
        raise ValueError(f"--set tower={recipe.tower}: not one of {', '.join(TOWERS)}")
    return recipe


def settle(state, settings):
    """The recipe of a state folder: noted on first use, and only that one afterwards, as weights of two would not fit together."""
    path = state.folder / "recipe.json"
    if not path.exists():
        recipe = parse_recipe(settings)
        write_whole(path, json.dumps(dataclasses.asdict(recipe), indent=1).encode() + b"\n")
        return recipe
    noted = json.loads(path.read_text())
    recipe = Recipe(**noted)
    asked = dataclasses.asdict(parse_recipe(settings))
    for setting in settings:
        name = setting.partition("=")[0]
        if asked[name] != noted[name]:
            raise ValueError(f"{path}: {name} is {noted[name]} in this folder, not {asked[name]}; another recipe needs another folder")
    return recipe
