"""models/catalogue.tsv is what get-model.sh and the program expect of it."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_catalogue_lines_are_well_formed():
    lines = [line for line in (ROOT / "models" / "catalogue.tsv").read_text().splitlines()
             if not line.startswith("#")]
    rows = [line.split("\t") for line in lines]
    assert len(rows) >= 16 and all(len(row) == 7 and all(row) for row in rows)
    names = [row[0] for row in rows]
    assert len(set(names)) == len(names)
    for name, layout, source, files, size, _, _ in rows:
        assert re.fullmatch(r"[a-z0-9-]+", name)
        assert re.fullmatch(r"[0-9.]+ [MG]B", size)
        if layout == "openai":
            assert re.fullmatch(r"https://openaipublic\.azureedge\.net/clip/models/[0-9a-f]{64}/"
                                + re.escape(files), source)
        else:
            assert layout in ("huggingface", "openclip")
            assert re.fullmatch(r"[\w.-]+/[\w.-]+", source)
            assert files.split()[0] == {"huggingface": "config.json",
                                        "openclip": "open_clip_config.json"}[layout]
