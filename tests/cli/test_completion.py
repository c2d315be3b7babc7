"""clipcls completion: the shells themselves complete, on the scripts that the program prints."""

import subprocess

import pytest

from grammar import choices, commands, options
from program import PROGRAM
from shells import shell_named

SHELLS = ("bash", "zsh", "fish")


@pytest.fixture(params=SHELLS)
def shell(request, clipcls):
    shell = shell_named(request.param, clipcls)
    yield shell
    shell.close()


def test_the_subcommands_are_offered_as_the_first_word_and_no_others(shell, clipcls):
    names = {name.split()[0] for name in commands(clipcls)}
    assert shell.offers("clipcls ") == names


def test_the_second_words_are_offered_behind_the_first(shell, clipcls):
    pairs = [name.split() for name in commands(clipcls) if " " in name]
    assert pairs
    for first in {first for first, _ in pairs}:
        assert shell.offers(f"clipcls {first} ") == {second for word, second in pairs if word == first}


def test_every_option_of_every_subcommand_is_offered_there_and_no_other(shell, clipcls):
    """The words come from the shell, which has read the script, and are held against those of --help, which other code
    prints from the table: an option that a script leaves out, gives to another subcommand or quotes wrongly differs."""
    names = commands(clipcls)
    lines = [f"clipcls {name} --" for name in names]
    for name, offered in zip(names, shell.all_offers(lines)):
        assert offered == set(options(clipcls, name)), name


def test_every_letter_is_offered(shell, clipcls):
    """Behind a lone hyphen the shells offer letters and names."""
    names = commands(clipcls)
    for name, offered in zip(names, shell.all_offers([f"clipcls {name} -" for name in names])):
        letters = {letter for letter, _ in options(clipcls, name).values() if letter}
        assert {word for word in offered if len(word) == 2 and word != "--"} == letters, name


def test_every_choice_is_offered_and_nothing_else(shell, clipcls, work):
    """The choices are those of which the parser says that it must be one. A file that is there is none."""
    (work / "auto.jpg").touch()
    wanted = {}
    for command in commands(clipcls):
        for name, (letter, argument) in options(clipcls, command).items():
            words = choices(clipcls, command, name) if argument else []
            for form in (name, letter) if letter and words else (name,) if words else ():
                wanted[f"clipcls {command} {form} "] = set(words)
    assert len(wanted) > 30
    for line, offered in zip(wanted, shell.all_offers(list(wanted))):
        assert offered == wanted[line], line


def test_a_value_behind_an_equals_sign(shell):
    """Bash completes what is behind the sign alone, the others the whole word."""
    assert shell.offers("clipcls eval --format=te") == {"--format=text"}
    assert shell.offers("clipcls eval --layout=single") == {"--layout=single"}


def test_bash_that_does_not_cut_words_at_an_equals_sign(clipcls, work):
    """As some have it in their settings: what is completed is then the whole word, and so are the answers."""
    (work / "my red panda.jpg").touch()
    bash = shell_named("bash", clipcls)
    bash.start(f"COMP_WORDBREAKS=${{COMP_WORDBREAKS//=}}\nsource '{bash.script}'\n")
    assert bash.offers("clipcls eval --format=te") == {"--format=text"}
    assert bash.offers("clipcls --files-from=my") == {"--files-from=my red panda.jpg"}
    bash.close()


def test_letters_in_one_word(shell):
    """The last one's value is what comes next."""
    assert shell.offers("clipcls eval -qf ") == {"text", "json"}


def test_files_whose_names_have_spaces(shell, work):
    (work / "my red panda.jpg").touch()
    for line in ("clipcls my", "clipcls eval my", "clipcls -L cat my", "clipcls --files-from my", "clipcls search --index my"):
        assert shell.offers(line) == {"my red panda.jpg"}, line
    assert shell.offers("clipcls --files-from=my") == {"--files-from=my red panda.jpg"}


def test_labels_are_files_and_sets(shell, work):
    (work / "im labels.txt").touch()
    assert shell.offers("clipcls -l im") == {"imagenet1k", "im labels.txt"}
    assert shell.offers("clipcls --templates op") == {"openai7"}
    assert shell.offers("clipcls search --templates no") == {"none"}


def test_directories_alone_for_the_cache(shell, work):
    (work / "cache here").mkdir()
    (work / "cache.txt").touch()
    assert {word.rstrip("/") for word in shell.offers("clipcls --cache-dir ca")} == {"cache here"}


def test_nothing_is_offered_where_any_text_may_stand(shell, work):
    (work / "a.jpg").touch()
    assert shell.offers("clipcls -L ") == set()
    assert shell.offers("clipcls -k ") == set()
    assert shell.offers("clipcls man ") == set()


def test_options_end_behind_two_hyphens(shell, work):
    (work / "--format.jpg").touch()
    assert shell.offers("clipcls -- --f") == {"--format.jpg"}


def test_models_that_are_there_are_offered_to_be_opened_and_all_to_be_got(shell, clipcls):
    (clipcls.folder / "home/data/clipcls/models/openai-b32").mkdir(parents=True)
    listed = {line[2:].split()[0] for line in clipcls("models").out.decode().split("\n\n")[0].splitlines()}
    assert shell.offers("clipcls get ") == listed and len(listed) > 10
    assert shell.offers("clipcls -m open") == {"openai-b32"}
    assert shell.offers("clipcls inspect open") == {"openai-b32"}


def test_the_shells_of_completion(shell):
    assert shell.offers("clipcls completion ") == set(SHELLS)


@pytest.mark.parametrize("name", SHELLS)
def test_an_installed_completion_is_found_by_itself(clipcls, tmp_path, name):
    """Each shell looks where the build installs; the page is found by man as well."""
    shell = shell_named(name, clipcls)
    if not (PROGRAM.parent / "manual").exists():
        pytest.skip("a cross-compiled program is not run by the build")
    prefix = tmp_path / "prefix"
    subprocess.run(["cmake", "--install", PROGRAM.parent, "--prefix", prefix], check=True, capture_output=True)
    shell.env["XDG_DATA_DIRS"] = f"{prefix}/share:/usr/share"
    if name == "bash":
        shell.start("source /usr/share/bash-completion/bash_completion\n")
        assert shell.offers("clipcls eval --form") == {"--format"}
    elif name == "zsh":
        (folder,) = prefix.glob("share/zsh/*")
        shell.start(f"fpath=('{folder}' $fpath)\n")
        assert shell.offers("clipcls eval --form") == {"--format"}
    else:
        assert shell.fish(["clipcls eval --form"], before="")[0] == {"--format"}
    found = subprocess.run(["man", "-M", prefix / "share/man", "-w", "clipcls"], capture_output=True, text=True)
    assert found.stdout.strip() == str(prefix / "share/man/man1/clipcls.1")
    shell.close()
