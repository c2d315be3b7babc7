"""eval --suggest-templates and eval --explain-labels, against the same worked out here from what classify prints for one
choice of templates at a time, or against plain eval."""

import json
import math
import shutil

import pytest

from program import DATA, Program
from records import fails, named, picture, records

TEMPLATES = ["a photo of a {}.", "the {} in a video game.", "a photo of the cool {}.",
             "a {} made of wood.", "graffiti of a {}.", "a {} on a ship.",
             "a {} and a pizza."]
LABELS = ["bee", "bison", "cat", "dog", "chair", "espresso", "goldfish", "koala", "suspension bridge", "ship"]


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    """A folder of classes: the sample photographs, and drawings among them. A drawing's class is what one of the
    templates takes it for, so that each is right on some of them."""
    program = Program(tmp_path_factory.mktemp("classes"))
    for path in sorted((DATA / "photos").iterdir()):
        if path.suffix in (".jpg", ".png"):
            (program.cwd / "set" / path.stem).mkdir(parents=True)
            shutil.copy(path, program.cwd / "set" / path.stem)
    names = [path.name for path in sorted((program.cwd / "set").iterdir())]
    for i, template in enumerate(TEMPLATES):
        drawings = [f"{seed}.png" for seed in range(i, 35, len(TEMPLATES))]
        for drawing in drawings:
            (program.cwd / drawing).write_bytes(picture(int(drawing[:-4])))
        labels = named(name.replace("_", " ") for name in names)
        for record in records(program("-f", "jsonl", "-k", "1", "-t", template, *labels, *drawings)):
            name = names[record["results"][0]["index"]]
            (program.cwd / record["path"]).rename(program.cwd / "set" / name / record["path"])
    return program.cwd / "set"


@pytest.fixture
def folders(classes, work):
    """{path: class}, in the order of eval."""
    shutil.copytree(classes, work / "set")
    return {str(path.relative_to(work)): path.parent.name for path in sorted((work / "set").rglob("*.*"))}


SIMILARITIES = {}  # what was asked for before: the tests have the same pictures


def similarities(clipcls, paths, labels, *arguments):
    """[(similarities of all labels, in their order)] for each picture."""
    key = (tuple(paths), tuple(labels), arguments)
    if key not in SIMILARITIES:
        done = clipcls(*arguments, *named(labels), "-f", "jsonl", "-k", "0", *paths)
        assert done.code == 0
        SIMILARITIES[key] = []
        for record in records(done):
            results = sorted(record["results"], key=lambda result: result["index"])
            SIMILARITIES[key].append([(result["similarity"], -result["index"]) for result in results])
    return SIMILARITIES[key]


def names_right(truth):
    return {name: {name.replace("_", " ")} for name in truth.values()}


def hits(clipcls, truth, labels, right, templates, allowed=None):
    """[whether it is right] for each picture, with these templates as one classifier."""
    arguments = [part for template in templates for part in ("-t", template)]
    rows = similarities(clipcls, truth, labels, *arguments)
    out = []
    for row, name in zip(rows, truth.values()):
        best = max((i for i in range(len(labels)) if allowed is None or labels[i] in allowed), key=row.__getitem__)
        out.append(labels[best] in right[name])
    return out


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def halves(truth):
    """Places of the pictures that are chosen on, and of the others."""
    seen, parts = {}, ([], [])
    for i, name in enumerate(truth.values()):
        parts[seen.setdefault(name, 0) % 2].append(i)
        seen[name] += 1
    return parts


def greedy(score, n):
    """Places of the templates taken. score(places): right pictures of the half."""
    best = max(range(n), key=lambda i: (score([i]), -i))
    chosen = [best]
    while len(chosen) < n:
        best = max((i for i in range(n) if i not in chosen), key=lambda i: (score([*chosen, i]), -i))
        if score([*chosen, best]) <= score(chosen):
            break
        chosen.append(best)
    return chosen


def suggest(clipcls, *arguments, labels=LABELS, templates=TEMPLATES):
    chosen = [part for template in templates for part in ("-t", template)]
    return clipcls("eval", "-q", "--suggest-templates", "-f", "json", *chosen, *named(labels), *arguments, "set")


def check_suggestion(report, clipcls, truth, right, allowed=None, labels=LABELS, templates=TEMPLATES):
    known = {}

    def of(places):
        key = tuple(sorted(places))
        if key not in known:
            known[key] = hits(clipcls, truth, labels, right, [templates[i] for i in key], allowed)
        return known[key]

    simple = hits(clipcls, truth, labels, right, [], allowed)
    classes = sorted(set(truth.values()))
    assert [entry["class"] for entry in report["classes"]] == classes

    def by_class(values):
        return [mean(hit for hit, name in zip(values, truth.values()) if name == wanted) for wanted in classes]

    def same_figures(entry, values):
        assert entry["top1"] == pytest.approx(mean(values), abs=1e-6)
        assert entry["change"] == pytest.approx(mean(values) - mean(simple), abs=1e-6)
        assert entry["class_top1"] == pytest.approx(by_class(values), abs=1e-6)
        points = [ours - theirs for ours, theirs in zip(by_class(values), by_class(simple))]
        for key, extreme in (("helps", max(points)), ("hurts", min(points))):
            if extreme == 0 or (extreme > 0) != (key == "helps"):
                assert entry[key] is None
            else:
                assert entry[key] == {"class": classes[points.index(extreme)],
                                      "change": pytest.approx(extreme, abs=1e-6)}

    assert (report["pictures"], report["failed"], report["labels"]) == (len(truth), 0, len(labels))
    same_figures(report["simple"], simple)
    same_figures(report["all"], of(range(len(templates))))
    order = sorted(range(len(templates)), key=lambda i: (-sum(of([i])), i))
    assert [entry["index"] for entry in report["templates"]] == order
    for entry in report["templates"]:
        assert entry["template"] == templates[entry["index"]]
        same_figures(entry, of([entry["index"]]))

    choosing, judging = halves(truth)
    chosen = greedy(lambda places: sum(of(places)[i] for i in choosing), len(templates))
    assert report["suggested"] == [templates[i] for i in chosen]
    parts = report["halves"]
    assert (parts["chosen_on"], parts["judged_on"]) == (len(choosing), len(judging))
    for name, values in (("simple", simple), ("all", of(range(len(templates)))), ("suggested", of(chosen))):
        assert parts[name]["chosen_on"] == pytest.approx(mean(values[i] for i in choosing), abs=1e-6)
        assert parts[name]["judged_on"] == pytest.approx(mean(values[i] for i in judging), abs=1e-6)
        changes = [values[i] - simple[i] for i in judging]
        variance = mean((change - mean(changes)) ** 2 for change in changes)
        assert parts[name]["standard_error"] == pytest.approx(math.sqrt(variance / len(judging)), abs=1e-6)
    return chosen


def test_templates_measured_and_chosen(clipcls, folders):
    report = json.loads(suggest(clipcls).out)
    chosen = check_suggestion(report, clipcls, folders, names_right(folders))
    assert len(chosen) > 1 and report["templates"][0]["top1"] != report["templates"][-1]["top1"]  # or it tests little


def test_templates_with_several_right_labels_and_a_subset(clipcls, folders, work):
    right = names_right(folders)
    right["koala"] = {"koala", "bee"}
    right["cat"] = {"dog"}
    lines = ["\t".join([name, *labels]) for name, labels in right.items()]
    (work / "names").write_text("\n".join(lines) + "\n")
    for arguments, allowed in ((["--names", "names"], None),
                               (["--names", "names", "--subset"], set().union(*right.values()))):
        check_suggestion(json.loads(suggest(clipcls, *arguments).out), clipcls, folders, right, allowed)


def test_folders_name_the_labels_and_a_list_the_pictures(clipcls, folders, work):
    labels = [name.replace("_", " ") for name in sorted(set(folders.values()))]
    report = json.loads(suggest(clipcls, labels=[]).out)
    check_suggestion(report, clipcls, folders, names_right(folders), labels=labels)
    (work / "list").write_text("".join(f"{path}\t{name}\n" for path, name in folders.items()))
    arguments = [part for template in TEMPLATES for part in ("-t", template)]
    done = clipcls("eval", "-q", "--suggest-templates", "-f", "json", *arguments, *named(labels), "list")
    assert (done.code, done.err, json.loads(done.out)) == (0, "", report)


def test_without_templates_the_eighty(clipcls, folders):
    report = json.loads(suggest(clipcls, templates=[]).out)
    assert len(report["templates"]) == 80
    assert suggest(clipcls, "--templates", "imagenet80", templates=[]).out == suggest(clipcls, templates=[]).out
    for entry in report["templates"]:
        assert entry["template"] != "a photo of a {}." or entry["change"] == 0
    for templates, top1 in ((report["suggested"], None), (["--templates", "imagenet80"], report["all"]["top1"])):
        arguments = templates if top1 is not None else [part for text in templates for part in ("-t", text)]
        whole = json.loads(clipcls("eval", "-f", "json", *arguments, *named(LABELS), "set").out)
        parts = report["halves"]
        both = sum(parts["suggested"][half] * parts[half] for half in ("chosen_on", "judged_on")) / report["pictures"]
        assert whole["top1"] == pytest.approx(both if top1 is None else top1, abs=1e-5)


def test_the_table_of_templates_can_be_saved(clipcls, folders, work):
    report = json.loads(suggest(clipcls).out)
    arguments = [part for template in TEMPLATES for part in ("-t", template)]
    done = clipcls("eval", "--suggest-templates", *arguments, *named(LABELS), "set")
    lines = done.out.decode().splitlines()
    assert done.code == 0 and lines[0] == f"pictures         {len(folders)}"
    assert f"simple           {100 * report['simple']['top1']:.2f} %" in lines
    start = next(i for i, line in enumerate(lines) if line.endswith("hurts most"))
    for line, entry in zip(lines[start + 1:], report["templates"]):
        assert line.startswith(f"{100 * entry['top1']:6.2f} %") and f"  {entry['template']}  " in line
        for key in ("helps", "hurts"):
            if entry[key] is not None:
                assert f"{entry[key]['class']} {100 * entry[key]['change']:+.1f}" in line
    saved = lines[lines.index("suggested templates:") + 1:]
    assert saved == report["suggested"]
    (work / "saved.txt").write_text("\n".join(saved) + "\n")
    assert clipcls("eval", "--templates", "saved.txt", "set").code == 0


def test_a_choice_no_better_than_chance_is_told(clipcls, folders):
    done = clipcls("eval", "--suggest-templates", "-t", "a photo of a {}.", "set")
    assert done.code == 0 and "not better" in done.err
    assert clipcls("eval", "-q", "--suggest-templates", "-t", "a photo of a {}.", "set").err == ""


def test_one_picture_a_class_leaves_nothing_to_judge_on(clipcls, folders, work):
    for path in (work / "set").rglob("[0-9]*.png"):
        path.unlink()
    done = clipcls("eval", "--suggest-templates", "-f", "json", "--templates", "openai7", "set")
    report = json.loads(done.out)
    assert done.code == 0 and "judge" in done.err
    assert (report["halves"]["judged_on"], report["halves"]["suggested"]["judged_on"]) == (0, None)
    assert clipcls("eval", "-q", "--suggest-templates", "--templates", "openai7", "set").err == ""


def test_labels_with_prompts_of_their_own(clipcls, folders, work):
    own = "".join(f"{label}\ta picture of {label}\n" for label in LABELS)
    (work / "own.txt").write_text(own)
    done = clipcls("eval", "--suggest-templates", "-l", "own.txt", "set")
    assert fails(done, "prompts of its own")
    (work / "some.txt").write_text(own.splitlines()[0] + "\n" + "\n".join(LABELS[1:]) + "\n")
    arguments = [part for template in TEMPLATES for part in ("-t", template)]
    done = clipcls("eval", "--suggest-templates", "-f", "json", "-l", "some.txt", *arguments, "set")
    assert done.code == 0 and f"1 of {len(LABELS)} labels" in done.err
    report = json.loads(done.out)
    for entry in report["templates"]:
        one = clipcls("eval", "-f", "json", "-l", "some.txt", "-t", entry["template"], "set")
        assert entry["top1"] == json.loads(one.out)["top1"]


def test_templates_and_a_picture_that_cannot_be_read(clipcls, folders, work):
    expected = json.loads(suggest(clipcls).out)
    (work / "set" / "bee" / "!.png").write_bytes(b"\x89PNG")
    done = suggest(clipcls)
    report = json.loads(done.out)
    assert done.code == 1 and "set/bee/!.png" in done.err
    assert report.pop("failed") == 1 and expected.pop("failed") == 0
    assert report == expected


def test_threads_change_nothing(clipcls, folders):
    assert suggest(clipcls, "-j", "1").out == suggest(clipcls, "-j", "3", "--no-cache").out


def test_two_reports_at_once_and_other_mistakes(clipcls, folders):
    assert fails(clipcls("eval", "--suggest-templates", "--explain-labels", "set"), "one")
    assert fails(clipcls("eval", "--suggest-templates", "nowhere"), "nowhere")
    assert fails(clipcls("eval", "--suggest-templates", "--templates", "nowhere", "set"), "nowhere")
    assert fails(clipcls("eval", "--suggest-templates", "-L", "cat", "set"), "no label")
    assert fails(clipcls("eval", "--explain-labels", "-L", "cat", "set"), "no label")
    assert fails(clipcls("--suggest-templates", "set"), "unknown option")


# ---- eval --explain-labels ----


# More labels that are right for nothing, and take drawings.
WIDE = [*LABELS, "sky", "mountain", "flower", "shirt", "car", "house", "tree"]


def explain(clipcls, *arguments, labels=WIDE):
    done = clipcls("eval", "--explain-labels", "-f", "json", *named(labels), *arguments, "set")
    assert (done.code, done.err) == (0, "")
    return json.loads(done.out)


def effect_by_hand(rows, truth, labels, right, allowed, dropped):
    """What the report says of one label, by ranking all pictures again without it."""
    best = [max((i for i in range(len(labels)) if labels[i] in allowed), key=row.__getitem__) for row in rows]
    taken = [i for i, place in enumerate(best) if labels[place] == dropped]
    names = list(truth.values())
    kept = [i for i, name in enumerate(names) if right[name] != {dropped}]
    without, heirs = [], {}
    for i in kept:
        places = [j for j in range(len(labels)) if labels[j] in allowed and labels[j] != dropped]
        answer = max(places, key=rows[i].__getitem__) if places else None
        without.append(answer is not None and labels[answer] in right[names[i]])
        if i in taken and answer is not None:
            heirs[answer] = heirs.get(answer, 0) + 1
    entry = {"label": dropped, "index": labels.index(dropped),
             "right_for": [name for name in sorted(set(names)) if dropped in right[name]],
             "taken": len(taken), "taken_wrongly": sum(dropped not in right[names[i]] for i in taken),
             "pictures": len(kept), "top1_with": mean(labels[best[i]] in right[names[i]] for i in kept),
             "top1_without": mean(without)}
    entry["change"] = entry["top1_without"] - entry["top1_with"]
    heir = max(heirs, key=lambda place: (heirs[place], -place), default=None)
    entry["most_go_to"] = heir if heir is None else {"label": labels[heir], "index": heir, "pictures": heirs[heir]}
    return {key: pytest.approx(value, abs=2e-6) if isinstance(value, float) else value
            for key, value in entry.items()}


def check_effects(report, clipcls, truth, right, allowed=None, labels=WIDE):
    allowed = set(labels) if allowed is None else allowed
    rows = similarities(clipcls, truth, labels)
    entries = {entry["label"]: entry for entry in report["labels"]}
    assert set(entries) == allowed and len(report["labels"]) == len(allowed)
    for label in allowed:
        assert entries[label] == effect_by_hand(rows, truth, labels, right, allowed, label)
    keys = [(-entry["change"], entry["index"]) for entry in report["labels"]]
    assert keys == sorted(keys)

    names, counted = list(truth.values()), {}
    for row, name in zip(rows, names):
        best = max((i for i in range(len(labels)) if labels[i] in allowed), key=row.__getitem__)
        if labels[best] not in right[name]:
            counted[name, best] = counted.get((name, best), 0) + 1
    classes = sorted(set(names))
    expected = sorted(((-n / names.count(name), classes.index(name), place) for (name, place), n in counted.items()))
    assert [(pytest.approx(-entry["share"], abs=1e-6), classes.index(entry["class"]), entry["index"])
            for entry in report["mistakes"]] == expected
    for entry in report["mistakes"]:
        assert entry["pictures"] == counted[entry["class"], entry["index"]] and entry["label"] == labels[entry["index"]]
    wrong = sum(entry["pictures"] for entry in report["mistakes"])
    assert report["top1"] == pytest.approx(1 - wrong / len(truth), abs=1e-6)


def test_what_each_label_does(clipcls, folders):
    report = explain(clipcls)
    check_effects(report, clipcls, folders, names_right(folders))
    assert len({entry["change"] for entry in report["labels"]}) > 2  # or it would test little


def test_labels_of_a_map_and_a_subset(clipcls, folders, work):
    right = names_right(folders)
    right["koala"] = {"koala", "bee"}
    right["cat"] = {"dog", "ship"}
    right["chair"] = {"espresso"}
    (work / "names").write_text("".join("\t".join([name, *labels]) + "\n" for name, labels in right.items()))
    check_effects(explain(clipcls, "--names", "names"), clipcls, folders, right)
    allowed = set().union(*right.values())
    check_effects(explain(clipcls, "--names", "names", "--subset"), clipcls, folders, right, allowed)


def test_dropping_a_label_is_as_reported(clipcls, folders, work):
    """The labels named without it, and the folder of its class gone: plain eval says the same."""
    for entry in explain(clipcls)["labels"]:
        others = [label for label in WIDE if label != entry["label"]]
        for name in entry["right_for"]:
            (work / "set" / name).rename(work / name)
        really = json.loads(clipcls("eval", "-f", "json", *named(others), "set").out)
        for name in entry["right_for"]:
            (work / name).rename(work / "set" / name)
        assert (really["pictures"], really["top1"]) == (entry["pictures"], entry["top1_without"])


def test_the_only_label(clipcls, folders, work):
    for path in (work / "set").iterdir():
        if path.name != "cat":
            shutil.rmtree(path)
    [entry] = explain(clipcls, labels=["cat"])["labels"]
    assert entry["most_go_to"] is None and entry["pictures"] == entry["top1_without"] == 0


def test_the_tables_of_labels(clipcls, folders):
    report = explain(clipcls)
    done = clipcls("eval", "--explain-labels", *named(WIDE), "set")
    lines = done.out.decode().splitlines()
    assert (done.code, done.err, lines[0]) == (0, "", f"pictures         {len(folders)}")
    start = next(i for i, line in enumerate(lines) if line.startswith("label "))
    for line, entry in zip(lines[start + 1:], report["labels"]):
        assert line.startswith(entry["label"] + " ")
        assert f"{100 * entry['top1_without']:5.2f} %  {100 * entry['change']:+7.2f}  " in line
        numbers = line[len(entry["label"]):].split()
        assert numbers[:4] == [str(n) for n in (len(entry["right_for"]), entry["taken"], entry["taken_wrongly"],
                                                entry["pictures"])]
        heir = entry["most_go_to"]
        assert line.endswith("-" if heir is None else f"  {heir['label']} ({heir['pictures']})")
    start = next(i for i, line in enumerate(lines) if line.startswith("class "))
    assert len(lines[start + 1:]) == min(20, len(report["mistakes"]))
    for line, entry in zip(lines[start + 1:], report["mistakes"]):
        assert line.split()[0] == entry["class"] and line.endswith(f"{100 * entry['share']:.1f} %  {entry['label']}")


def test_labels_and_a_picture_that_cannot_be_read(clipcls, folders, work):
    expected = explain(clipcls)
    (work / "set" / "bee" / "!.png").write_bytes(b"\x89PNG")
    done = clipcls("eval", "--explain-labels", "-f", "json", *named(WIDE), "set")
    report = json.loads(done.out)
    assert done.code == 1 and "set/bee/!.png" in done.err
    assert report.pop("failed") == 1 and expected.pop("failed") == 0 and report == expected
