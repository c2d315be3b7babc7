"""What the loops of open_clip and rclip make of the inputs of test_many.py: `peers.py [--count N]`. By hand, for
docs/reliability.md. Takes open_clip_torch and rclip (3.3). The towers are made small: what counts is what
becomes of the files."""

import argparse
import os
import pathlib
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))

import broken  # noqa: E402
from crowd import bad_decodes, broken_ones, make_inputs  # noqa: E402

OPEN_CLIP = '''
"""As open_clip's README has it, once for each file of a list."""
import sys, open_clip, torch
from PIL import Image
tower = {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16, "head_width": 32}
text = {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 1}
model = open_clip.CLIP(64, tower, text).eval()
preprocess = open_clip.image_transform(32, is_train=False)
for path in map(str.strip, open("list")):
    image = preprocess(Image.open(path)).unsqueeze(0)
    with torch.no_grad():
        model.encode_image(image, normalize=True)
    print(path)
'''
RCLIP = '''
"""rclip's own index of a folder; a made-up embedding in the place of its network's."""
import numpy, pathlib, sys
from rclip import db, main, model
class Small(model.Model):
    def compute_preprocessed_image_features(self, images, *, for_indexing=False):
        means = numpy.stack(images).reshape(len(images), 3, -1).mean(2)
        return numpy.pad(means, ((0, 0), (0, 509))).astype(numpy.float32)
index = db.DB(pathlib.Path("rclip.sqlite3"))
main.RClip(Small(), index, 8, None).ensure_index(str(pathlib.Path("inputs").resolve()))
for image in index.get_image_vectors_by_dir_path(str(pathlib.Path("inputs").resolve())):
    print(image["filepath"])
'''


def run(program, kinds, count, seconds):
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        names, wrong = make_inputs(work, count, random.Random(8), kinds)
        (work / "list").write_text("\n".join(names))
        try:
            done = subprocess.run([sys.executable, "-c", program], cwd=work, capture_output=True, text=True,
                                  timeout=seconds, errors="replace",
                                  env={**os.environ, "LD_PRELOAD": str(broken.BAD_DECODER)})
            code, out, err = done.returncode, done.stdout, done.stderr
        except subprocess.TimeoutExpired as late:
            code, out, err = f"still running after {seconds} s", (late.stdout or b"").decode(), ""
        done_names = {pathlib.Path(line).name for line in out.splitlines()}
        bad_names = {pathlib.Path(name).name for name in wrong}
        named = sum(name in err for name in bad_names)
        last = err.strip().splitlines()[-1][:100] if err.strip() else ""
        return f"done: {len(done_names - bad_names)} of {count - len(wrong)} good ones, {len(done_names & bad_names)} " \
               f"bad ones; named: {named} of {len(wrong)} bad ones; exit status {code}; {last}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split(":")[0])
    parser.add_argument("--count", type=int, default=100000)
    parser.add_argument("--seconds", type=int, default=1800)
    options = parser.parse_args()
    for name, program in (("open_clip", OPEN_CLIP), ("rclip", RCLIP)):
        for what, kinds in (("1 % broken", broken_ones(options.count)),
                            ("0.1 % crash or hang", bad_decodes(options.count))):
            print(f"{name}, {what}: {run(program, kinds, options.count, options.seconds)}", flush=True)


main()
