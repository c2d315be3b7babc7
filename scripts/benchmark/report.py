"""The page: tables, and what is aimed at beside what was measured."""

from dataclasses import dataclass, field


@dataclass
class Table:
    header: list
    rows: list = field(default_factory=list)

    def lines(self):
        yield "| " + " | ".join(self.header) + " |"
        yield "| " + " | ".join(["---"] * len(self.header)) + " |"
        for row in self.rows:
            yield "| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |"


@dataclass
class Aim:
    what: str
    figure: str
    held: bool | None  # None: could not be measured


@dataclass
class Section:
    title: str
    about: str
    tables: list = field(default_factory=list)
    aims: list = field(default_factory=list)


def number(value, unit="", digits=3):
    """Significant digits without an exponent; a dash where there is none."""
    if value is None:
        return "-"
    text = f"{value:.{digits}g}"
    if "e" in text:
        text = f"{value:.0f}"
    return f"{text}{' ' if unit else ''}{unit}"


def ratio(ours, theirs):
    """How many times `theirs` goes into `ours`; None where one is missing."""
    return ours / theirs if ours is not None and theirs else None


def times(value):
    return "-" if value is None else f"{number(value)}x"


def mebibytes(value):
    return "-" if value is None else f"{value / 2**20:.0f} MiB"


def at_least(what, value, wanted, show=times):
    return Aim(f"{what}: at least {show(wanted)}", show(value),
               None if value is None else value >= wanted)


def at_most(what, value, wanted, show=times):
    return Aim(f"{what}: at most {show(wanted)}", show(value),
               None if value is None else value <= wanted)


def percent(value):
    return "-" if value is None else f"{100 * value:.1f} %"


def verdict(held):
    return {True: "yes", False: "no", None: "not measured"}[held]


def page(command, machine, versions, sections, quick):
    lines = ["# Benchmarks", ""]
    lines += [f"Written by `{command}`: all programs on one machine in one run, in turn, with the same number",
              "of threads, files in the page cache. Figures are medians; a ratio above 1 is in favour of clipcls. "
              "A row's `-` or", "reason says that there is no figure.", ""]
    if quick:
        lines += ["**A quick run to see that everything works: not to be quoted.**", ""]
    lines += ["## Machine", "", *Table(["", ""], machine).lines(), ""]
    lines += ["## Versions", "", *Table(["program or package", "version"], versions).lines(), ""]
    aims = [aim for section in sections for aim in section.aims]
    lines += ["## Aims", "", *Table(["aim", "measured", "held"], [
        [aim.what, aim.figure, verdict(aim.held)] for aim in aims]).lines(), ""]
    for section in sections:
        lines += [f"## {section.title}", "", section.about, ""]
        for table in section.tables:
            lines += [*table.lines(), ""]
    return "\n".join(lines).rstrip() + "\n"
