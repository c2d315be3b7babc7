"""Every allocation fails once, and everything from it on for ever: the run ends with a message or goes on
without, and frees what it has.

Left alone are allocations of OpenBLAS, libxsmm and oneDNN, which end the process themselves, and those of the
dynamic loader and of libraries before main."""

import signal

from cases import CASES
from preloaded import ALLOCATIONS, Preloaded
from setting import Setting

QUICK_STEP = 53  # every so many call stacks


def tells_of_memory(text):
    return "memory" in text.lower()


def may_crash(stack):
    """libwebp before 1.4 follows a pointer that it has not set when it cannot allocate a table of Huffman
    codes (github.com/webmproject/libwebp/pull/12). A process that decodes costs one record by that."""
    return not stack.is_own() and "decode_webp" in stack.names()


def may_be_kept(stack):
    """To the end of the process: the C library's buffer of stdout, and the list that a signal handler reads."""
    return not stack.is_own() or "map_guard" in stack.names()


def faults_of(setting, done, stack):
    if may_crash(stack) and done.returncode == -signal.SIGSEGV and "--no-sandbox" in setting.case.arguments:
        return []
    return list(setting.faults(done, lambda text: tells_of_memory(text) or
                               (may_crash(stack) and "the decoder crashed" in text)))


class Count:
    def __init__(self):
        self.runs, self.crashes, self.faults = 0, 0, []


def torture(clipcls, case, counts, seen, step):
    """counts: {ever: Count}. seen: call stacks below a subcommand that earlier cases had."""
    setting = Setting(clipcls, case)
    preloaded = Preloaded(clipcls, case)
    setting.reset()
    done, _, stacks = preloaded.run(ALLOCATIONS)
    assert (done.returncode, done.stdout, done.stderr) == (0, setting.good.out, b"")
    kept = {tuple(stack.frames[:2]) for stack in stacks if stack.live}
    assert all(may_be_kept(stack) for stack in stacks if stack.live)
    for stack in preloaded.fresh(stacks, seen)[::step]:
        for ever, count in counts.items():
            setting.reset()
            done, failed, after = preloaded.run(ALLOCATIONS, stack.hash, ever=ever)
            wrong = faults_of(setting, done, stack) if failed else ["nothing failed"]
            wrong += [f"{other.live} not freed: {other.names()}" for other in after
                      if other.live and tuple(other.frames[:2]) not in kept]
            count.runs += 1
            count.crashes += done.returncode == -signal.SIGSEGV
            count.faults += [(case.name, stack.names(), fault) for fault in wrong]


def test_no_allocation_is_taken_for_granted(cases_folder, full, figure):
    counts, seen = {False: Count(), True: Count()}, set()
    for case in CASES:
        torture(cases_folder, case, counts, seen, 1 if full else QUICK_STEP)
    for ever, count in counts.items():
        for fault in count.faults:
            print(*fault)
        how = "all from it on" if ever else "the first one"
        crashes = f"; libwebp crashed {count.crashes} times, without the sandbox" if count.crashes else ""
        figure("allocation failure", f"{how} of each distinct call stack, in {len(CASES)} kinds of run",
               count.runs, len(count.faults), f"0 blocks not freed{crashes}")
