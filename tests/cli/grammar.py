"""What the command line takes, as --help and the parser's messages say it."""

import re


def commands(clipcls):
    """Names of the subcommands, "probe train" being one."""
    listed = clipcls("--help").out.decode().split("Subcommands, as the first words:\n")[1].split("\n\n")[0]
    return [re.match(r"  ([a-z]+(?: [a-z]+)?)", line)[1] for line in listed.splitlines()]


def options(clipcls, command):
    """{"--labels": ("-l", "FILE|SET"), ...}: None without a letter or a value."""
    found = {}
    for line in clipcls(*command.split(), "--help").out.decode().splitlines():
        row = re.match(r"  (?:(-.),|   ) (--[a-z0-9-]+)(?: (\S+))?  ", line + "  ")
        if row:
            found[row[2]] = (row[1], row[3])
    return found


def choices(clipcls, command, option):
    """The words that the parser takes and no others; empty where it takes more than words. --help keeps a value that is
    taken from being used."""
    done = clipcls(*command.split(), option, "no-such-word", "--help")
    refused = re.search(r"must be one of (.*)\n", done.err)
    return refused[1].split(", ") if refused and done.code == 2 else []
