"""System calls that the C library makes for the main process fail: of streams, directories and printing."""

import errno
import os

from cases import CASES
from setting import Setting, tells
from traced import Traced

QUICK_STEP = 60  # every so many calls
# What interrupts a call is left out: the program has no signal handler that would. close() as well: strace's does
# not close, as Linux's does whatever it returns; test_calls.py has it.
ERRORS = {"openat": [errno.EMFILE, errno.EIO], "read": [errno.EIO], "write": [errno.ENOSPC, errno.EIO],
          "newfstatat": [errno.EIO], "getdents64": [errno.EIO], "unlink": [errno.EIO],
          "rename": [errno.EIO], "fsync": [errno.EIO], "pwrite64": [errno.ENOSPC], "memfd_create": [errno.EMFILE],
          "socketpair": [errno.ENFILE], "clone": [errno.EAGAIN], "ftruncate": [errno.EIO]}
KINDS = ("classify, cold cache", "classify, labels and templates of files", "classify what an earlier run did not",
         "embed to an index", "search pictures", "probe train", "eval", "convert", "inspect")


class TracedCase(Traced):
    def __init__(self, clipcls, case):
        super().__init__(clipcls, [])
        self.command = clipcls.command(case.arguments)


def first_of_program(traced):
    """What the program opens first: all before it is the dynamic loader's."""
    _, lines = traced.run("-e", "trace=openat,newfstatat")
    own = ("checkpoint", "few", "train", "labels.txt", "done.jsonl", "state")
    return next(line.split('"')[1] for line in lines
                if any(f'"{name}' in line or f"/{name}" in line for name in own))


def test_no_call_of_the_c_library_is_taken_for_granted(cases_folder, full, figure):
    runs, faults = 0, []
    for case in [case for case in CASES if case.name in KINDS]:
        setting, traced = Setting(cases_folder, case), TracedCase(cases_folder, case)
        setting.reset()
        begin = first_of_program(traced)
        setting.reset()
        calls = traced.calls(ERRORS, begin)
        assert {"openat", "read"} <= {call for call, _ in calls}
        for call, which in calls[::1 if full else QUICK_STEP]:
            for error in ERRORS[call]:
                for when in (which, f"{which}+"):
                    setting.reset()
                    done = traced.inject(call, when, f"error={errno.errorcode[error]}")
                    # Where nothing can be written, there is no message either.
                    mute = call == "write" and when != which
                    wrong = setting.faults(done, lambda text: mute or tells(text, error))
                    faults += [(case.name, call, when, os.strerror(error), fault) for fault in wrong]
                    runs += 1
    for fault in faults:
        print(*fault)
    figure("EIO, ENOSPC, EMFILE, EINTR and others", f"each system call of the main process in {len(KINDS)} kinds of "
           "run, once, and it and all later ones of its name", runs, len(faults))
