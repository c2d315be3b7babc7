"""System calls that fail, once and for ever, in every process of a run; transfers of a byte at a time."""

import errno
import subprocess

from cases import CASES
from preloaded import CALLS, SHORT, Preloaded
from setting import Setting, tells

QUICK_STEP = 23  # every so many call stacks
IO, INTERRUPTED, FULL, NO_MORE = errno.EIO, errno.EINTR, errno.ENOSPC, errno.EMFILE
ERRORS = {
    "open": [NO_MORE, IO, INTERRUPTED], "fopen": [NO_MORE], "tmpfile": [NO_MORE], "memfd_create": [NO_MORE],
    "read": [IO, INTERRUPTED], "write": [FULL, INTERRUPTED], "pwrite": [FULL, IO, INTERRUPTED],
    "close": [IO, INTERRUPTED], "fsync": [IO, FULL, INTERRUPTED], "rename": [IO, FULL], "ftruncate": [IO],
    "stat": [IO, errno.ENOMEM], "lstat": [IO], "fstat": [IO], "fchmod": [IO], "mkdir": [FULL], "mkstemp": [FULL],
    "socketpair": [errno.ENFILE], "fork": [errno.EAGAIN, errno.ENOMEM], "waitpid": [INTERRUPTED],
    "sendmsg": [errno.ENOBUFS, INTERRUPTED], "recvmsg": [errno.ENOMEM, INTERRUPTED],
    "poll": [errno.ENOMEM, INTERRUPTED],
}

def tries(stack):
    """(error, for ever) to meet. One that asks for another try would be met for ever."""
    return [(error, ever) for error in ERRORS[stack.call] for ever in (False, True)
            if not (ever and error == INTERRUPTED)]


def faults_of(setting, preloaded, stack, error, ever):
    setting.reset()
    try:
        done, failed, _ = preloaded.run(CALLS, stack.hash, error, ever)
    except subprocess.TimeoutExpired:
        return ["hangs"]
    faults = list(setting.faults(done, lambda text: tells(text, error)))
    if error == INTERRUPTED and (done.returncode, done.stderr) != (0, b""):
        faults.append(f"no second try: {done.stderr.decode()}")
    return faults if failed else ["nothing failed"]


def test_no_system_call_is_taken_for_granted(cases_folder, full, figure):
    runs, faults, seen = {False: 0, True: 0}, {False: [], True: []}, set()
    for case in CASES:
        setting = Setting(cases_folder, case)
        preloaded = Preloaded(cases_folder, case)
        setting.reset()
        done, _, stacks = preloaded.run(CALLS)
        assert (done.returncode, done.stdout, done.stderr) == (0, setting.good.out, b"")
        for stack in preloaded.fresh(stacks, seen)[::1 if full else QUICK_STEP]:
            for error, ever in tries(stack):
                wrong = faults_of(setting, preloaded, stack, error, ever)
                runs[ever] += 1
                faults[ever] += [(case.name, stack.call, errno.errorcode[error], stack.names(), fault)
                                 for fault in wrong]
    for ever, found in faults.items():
        for fault in found:
            print(*fault)
        how = "and all later ones" if ever else "once"
        figure("EIO, ENOSPC, EMFILE, EINTR and others", f"a system call that the program makes, {how}, in each "
               "process, from each distinct call stack", runs[ever], len(found))


def test_a_byte_at_a_time(cases_folder, full, figure):
    cases, bad = CASES[::1 if full else 4], 0
    for case in cases:
        setting = Setting(cases_folder, case)
        setting.reset()
        done, _, _ = Preloaded(cases_folder, case).run(SHORT)
        bad += (done.returncode, done.stderr) != (0, b"") or list(setting.faults(done, bool)) != []
    figure("short reads and writes", "each read and write transfers one byte, in a run of each kind", len(cases), bad)
