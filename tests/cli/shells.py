"""Shells that complete command lines of clipcls, driven as a user drives them: bash and zsh at a terminal, fish through
its own question for completions."""

import fcntl
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import termios
import time

import pytest

from program import PROGRAM

# The program's name prints what it was given, but for what the scripts themselves ask.
SHOW = "clipcls() { if [[ $* == models ]]; then command clipcls models; else printf '\\nGIVEN'; printf '<%s>' \"$@\"; echo SHOWN; fi }\n"
BASH = SHOW + """PS1='READY> '
HISTFILE=
bind 'set enable-bracketed-paste off'
bind 'set bell-style none'
bind '"\\C-xa": insert-completions'
"""
ZSH = SHOW + """PS1='READY> '
unset zle_bracketed_paste
autoload -Uz compinit && compinit -D -u
zle -C all-matches complete-word _generic
bindkey '^Xa' all-matches
zstyle ':completion:all-matches:*' insert yes
zstyle ':completion:all-matches::::' completer _all_matches _complete
"""
PATIENCE = 100  # seconds; a shell that hangs, not one that is slow


class Terminal:
    """A shell at a terminal of its own, wide enough for a line of all options."""

    def __init__(self, argv, env, cwd):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execvpe(argv[0], argv, env)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 8000, 0, 0))
        self.seen = b""
        self.wait_for(b"READY> ")

    def wait_for(self, mark):
        end = time.monotonic() + PATIENCE
        while mark not in self.seen:
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            assert ready, (mark, self.seen[-2000:])
            self.seen += os.read(self.fd, 1 << 16)
        at = self.seen.index(mark) + len(mark)
        before, self.seen = self.seen[:at], self.seen[at:]
        return before

    def words(self, line):
        """The words that the program is given when every completion of the line's end is taken."""
        os.write(self.fd, line.encode() + b"\x18a\r")
        given = self.wait_for(b"SHOWN").split(b"GIVEN")[-1].decode()
        self.wait_for(b"READY> ")
        return re.findall(r"<(.*?)>", given)

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


class Shell:
    """offers(line): the words that may stand at the line's end, whole."""

    def __init__(self, name, clipcls):
        self.name, self.clipcls = name, clipcls
        self.terminal = None
        self.env = {**clipcls.env, "PATH": f"{PROGRAM.parent}:{clipcls.env['PATH']}", "TERM": "dumb"}
        self.rc = clipcls.folder / "rc"
        self.rc.mkdir()
        script = clipcls("completion", name).out
        self.script = self.rc / {"bash": "clipcls.bash", "zsh": "_clipcls", "fish": "clipcls.fish"}[name]
        self.script.write_bytes(script)

    def start(self, before=None):
        """before: shell code that makes the completions known; default: the script that the program prints."""
        if self.name == "bash":
            (self.rc / "bashrc").write_text((before or f"source '{self.script}'\n") + BASH)
            argv = ["bash", "--rcfile", str(self.rc / "bashrc"), "-i"]
        else:
            (self.rc / ".zshrc").write_text((before or f"fpath=('{self.rc}' $fpath)\n") + ZSH)
            self.env["ZDOTDIR"] = str(self.rc)
            argv = ["zsh", "-d", "-i"]
        self.terminal = Terminal(argv, self.env, self.clipcls.cwd)

    def offers(self, line):
        if self.name == "fish":
            return self.fish([line])[0]
        if self.terminal is None:
            self.start()
        typed = line.rsplit(" ", 1)[0].split()[1:]
        words = self.terminal.words(line)
        assert words[: len(typed)] == typed, (line, words)
        return set(words[len(typed):])

    def all_offers(self, lines):
        return self.fish(lines) if self.name == "fish" else [self.offers(line) for line in lines]

    def fish(self, lines, before=None):
        """One process for all lines: each answer is words with their descriptions behind a tab. Its settings are those
        of the test's own, empty home."""
        code = before if before is not None else f"source '{self.script}'; "
        code += "".join(f"complete -C \"{line}\"; echo NEXT; " for line in lines)
        done = subprocess.run(["fish", "-c", code], env=self.env, cwd=self.clipcls.cwd,
                              capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0 and done.stderr == "", done.stderr
        return [{word.split("\t")[0] for word in answer.splitlines()} for answer in done.stdout.split("NEXT\n")[:-1]]

    def close(self):
        if self.terminal is not None:
            self.terminal.close()


def shell_named(name, clipcls):
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    return Shell(name, clipcls)
