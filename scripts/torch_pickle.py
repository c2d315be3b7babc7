"""Reads the pickles inside PyTorch checkpoints without running anything that they hold.

A pickle is a program. So that none of it ever runs, Python's own pickle machine is not used: the
class Machine below carries out the few opcodes that build plain data, "calls" nothing but the
functions in CALLS, which note what a tensor is made of, and refuses everything else by its name.
The modules of TorchScript archives become inert records.

Whatever a hostile pickle says, work and memory stay proportional to its length: no call copies what
it is given, keys are scalars (hashing nested tuples is exponential), and messages never print a value
that is not a string.
"""

import collections
import pickletools

MAX_OPCODES = 5_000_000  # a checkpoint has about 30 for each tensor; this is half a minute of work
MAX_RANK = 8

# torch's storage class -> safetensors' dtype, numpy's dtype (bfloat16 moves as its 16 bits)
STORAGES = {
    "DoubleStorage": ("F64", "f8"), "FloatStorage": ("F32", "f4"), "HalfStorage": ("F16", "f2"),
    "BFloat16Storage": ("BF16", "u2"), "LongStorage": ("I64", "i8"), "IntStorage": ("I32", "i4"),
    "ShortStorage": ("I16", "i2"), "CharStorage": ("I8", "i1"), "ByteStorage": ("U8", "u1"),
    "BoolStorage": ("BOOL", "u1"),
}


class Refused(Exception):
    """The checkpoint is damaged, hostile, or of a kind that is not read."""


# ---- what a pickle may make ------------------------------------------------------------------

Global = collections.namedtuple("Global", "module name")
Storage = collections.namedtuple("Storage", "kind key numel view")  # view: (first, count) or None
# first and strides count elements of the storage, as shape does.
Tensor = collections.namedtuple("Tensor", "storage first shape strides")


class Record:
    """An object of a TorchScript class: its attributes and no behaviour."""

    def __init__(self, cls):
        self.cls, self.state = cls, {}


def is_count(value):
    return type(value) is int and 0 <= value < 2**63


def rebuild_tensor(storage, first, shape, strides, *_grad_hooks_metadata):
    if not isinstance(storage, Storage) or len(shape) != len(strides) or len(shape) > MAX_RANK:
        raise Refused("a tensor's description is malformed")
    if not all(map(is_count, (first, *shape, *strides))):
        raise Refused(f"a tensor of storage {storage.key!r} has a negative or malformed offset, "
                      "shape or stride")
    return Tensor(storage, first, tuple(shape), tuple(strides))


def rebuild_parameter(tensor, *_grad_hooks_state):
    if not isinstance(tensor, Tensor):
        raise Refused("a parameter is not a tensor")
    return tensor


def unchanged(value, *_type):
    return value


CALLS = {
    Global("torch._utils", "_rebuild_tensor"): rebuild_tensor,
    Global("torch._utils", "_rebuild_tensor_v2"): rebuild_tensor,
    Global("torch._utils", "_rebuild_parameter"): rebuild_parameter,
    Global("torch._utils", "_rebuild_parameter_with_state"): rebuild_parameter,
    Global("collections", "OrderedDict"): lambda: {},
    Global("torch", "Size"): unchanged,
    Global("torch.jit._pickle", "build_intlist"): unchanged,
    Global("torch.jit._pickle", "build_doublelist"): unchanged,
    Global("torch.jit._pickle", "build_boollist"): unchanged,
    Global("torch.jit._pickle", "build_tensorlist"): unchanged,
    Global("torch.jit._pickle", "restore_type_tag"): unchanged,
}


def is_torchscript(found):
    return found.module == "__torch__" or found.module.startswith("__torch__.")


def find_global(module, name):
    if not isinstance(module, str) or not isinstance(name, str):
        raise Refused("the pickle is malformed: the name of a global is not a string")
    found = Global(module, name)
    is_storage = module == "torch" and name in STORAGES
    if found not in CALLS and not is_storage and not is_torchscript(found):
        raise Refused(f"the pickle asks for {module}.{name}: only tensors are read, nothing is run")
    return found


def find_storage(pid):
    """('storage', class, key, device, elements[, view]): how torch refers to a tensor's data."""
    if not isinstance(pid, tuple) or len(pid) not in (5, 6) or pid[0] != "storage":
        what = pid[0] if isinstance(pid, tuple) and pid and isinstance(pid[0], str) else "something"
        raise Refused(f"the pickle refers to {what[:40]!r} where a tensor's storage should be")
    _, kind, key, _device, numel = pid[:5]
    view = pid[5] if len(pid) == 6 else None
    if not isinstance(kind, Global) or kind.name not in STORAGES or not isinstance(key, str):
        raise Refused("a storage's description is malformed")
    if view is not None:  # (key of the view, first, count): torch before 1.0
        view = tuple(view[1:3])
    if not all(map(is_count, (numel, *(view or ())))):
        raise Refused(f"storage {key!r} has a negative or malformed number of elements")
    return Storage(kind.name, key, numel, view)


# ---- the pickle machine ----------------------------------------------------------------------

MARK = object()
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "MARK": MARK}
EMPTY = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
LITERALS = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE",
    "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
}


class Machine:
    """step() and ACTIONS together are the complete list of the opcodes that are understood."""

    def __init__(self):
        self.stack, self.memo, self.storages = [], {}, {}

    def pop(self):
        value = self.stack.pop()
        if value is MARK:
            raise Refused("the pickle is malformed: a mark where a value should be")
        return value

    def pop_mark(self):
        values = []
        while (value := self.stack.pop()) is not MARK:
            values.append(value)
        return values[::-1]

    def tuple_of(self, count):
        self.stack.append(tuple(self.pop() for _ in range(count))[::-1])

    def extend(self, values):
        if not isinstance(self.stack[-1], list):
            raise Refused("the pickle is malformed: it appends to what is no list")
        self.stack[-1].extend(values)

    def update(self, flat):
        target = self.stack[-1]
        if not isinstance(target, dict) or len(flat) % 2:
            raise Refused("the pickle is malformed: it sets items of what is no dictionary")
        for key, value in zip(flat[::2], flat[1::2]):
            if not isinstance(key, (str, int, float, type(None))):
                raise Refused(f"a dictionary has a key of type {type(key).__name__}")
            target[key] = value

    def dictionary(self):
        flat = self.pop_mark()
        self.stack.append({})
        self.update(flat)

    def storage(self):
        found = find_storage(self.pop())
        known = self.storages.setdefault(found.key, found)
        if (known.kind, known.numel) != (found.kind, found.numel):
            raise Refused(f"storage {found.key!r} is described in two ways")
        self.stack.append(found)

    def stack_global(self):
        name, module = self.pop(), self.pop()
        self.stack.append(find_global(module, name))

    def reduce(self):
        arguments, function = self.pop(), self.pop()
        if not isinstance(function, Global) or function not in CALLS:
            name = ".".join(function) if isinstance(function, Global) else type(function).__name__
            raise Refused(f"the pickle would run code: opcode REDUCE calls {name}")
        if not isinstance(arguments, tuple):
            raise Refused("the pickle is malformed: opcode REDUCE without a tuple")
        self.stack.append(CALLS[function](*arguments))

    def new_object(self):
        arguments, cls = self.pop(), self.pop()
        if not isinstance(cls, Global) or not is_torchscript(cls) or arguments != ():
            raise Refused("the pickle would run code: opcode NEWOBJ on what is no TorchScript class")
        self.stack.append(Record(cls))

    def build(self):
        state, target = self.pop(), self.stack[-1]
        if isinstance(target, Record) and isinstance(state, dict):
            target.state = state
        elif type(target) is not dict:  # a state dict's state is its _metadata: nothing to keep
            raise Refused(f"the pickle would run code: opcode BUILD on {type(target).__name__}")

    def put(self, key):
        self.memo[key] = self.stack[-1]

    ACTIONS = {
        "PROTO": lambda m, _: None, "FRAME": lambda m, _: None,
        "TUPLE": lambda m, _: m.stack.append(tuple(m.pop_mark())),
        "TUPLE1": lambda m, _: m.tuple_of(1),
        "TUPLE2": lambda m, _: m.tuple_of(2),
        "TUPLE3": lambda m, _: m.tuple_of(3),
        "LIST": lambda m, _: m.stack.append(m.pop_mark()),
        "APPEND": lambda m, _: m.extend([m.pop()]),
        "APPENDS": lambda m, _: m.extend(m.pop_mark()),
        "DICT": lambda m, _: m.dictionary(),
        "SETITEM": lambda m, _: m.update([m.pop(), m.pop()][::-1]),
        "SETITEMS": lambda m, _: m.update(m.pop_mark()),
        "POP": lambda m, _: m.stack.pop(),
        "DUP": lambda m, _: m.stack.append(m.stack[-1]),
        "GLOBAL": lambda m, text: m.stack.append(find_global(*text.split(" ", 1))),
        "STACK_GLOBAL": lambda m, _: m.stack_global(),
        "BINPERSID": lambda m, _: m.storage(),
        "REDUCE": lambda m, _: m.reduce(),
        "NEWOBJ": lambda m, _: m.new_object(),
        "BUILD": lambda m, _: m.build(),
        "MEMOIZE": lambda m, _: m.put(len(m.memo)),
        **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), put),
        **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), lambda m, key: m.stack.append(m.memo[key])),
    }

    def step(self, name, argument):
        if name in LITERALS:
            self.stack.append(argument)
        elif name in CONSTANTS:
            self.stack.append(CONSTANTS[name])
        elif name in EMPTY:
            self.stack.append(EMPTY[name]())
        elif name in self.ACTIONS:
            self.ACTIONS[name](self, argument)
        else:
            described = f" for {argument.replace(' ', '.', 1)}" if name == "INST" else ""
            raise Refused(f"the pickle holds the opcode {name}{described}: tensors need no such "
                          "thing, and it could run code")


def load_pickle(source):
    """One pickle: bytes, or a file at the pickle's beginning, which is left behind its end.
    Returns its value and, by their keys, the storages that its tensors refer to."""
    machine = Machine()
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(source)):
            if opcode.name == "STOP":
                return machine.pop(), machine.storages
            if count == MAX_OPCODES:
                raise Refused(f"the pickle has more than {MAX_OPCODES} opcodes")
            machine.step(opcode.name, argument)
    except (IndexError, KeyError, ValueError, TypeError, OverflowError) as problem:
        raise Refused(f"the pickle is malformed: {str(problem)[:200]}") from problem
    raise Refused("the pickle has no end")
