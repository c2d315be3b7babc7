"""The program with its input coming bit by bit."""

import select
import subprocess


class Slow:
    """The program, fed piece by piece; a record must come without the next piece."""

    def __init__(self, clipcls, arguments):
        self.process = subprocess.Popen(clipcls.command(arguments), cwd=clipcls.cwd, env=clipcls.env,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)

    def feed(self, data):
        self.process.stdin.write(data)

    def line(self, seconds=20):
        assert select.select([self.process.stdout], [], [], seconds)[0], "no record came"
        return self.process.stdout.readline().decode()

    def silent(self, seconds=0.3):
        return not select.select([self.process.stdout], [], [], seconds)[0]

    def end(self):
        self.process.stdin.close()
        rest = self.process.stdout.read()
        return self.process.wait(timeout=20), rest
