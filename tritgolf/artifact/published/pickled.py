"""A reader of pickles that executes nothing: a stack machine that only knows data.

A pickle is a program. This machine runs the part of its instruction set that builds dictionaries, lists, tuples,
strings and numbers; a name to import stays a ``Name``, and a call goes to the caller's ``construct``, which knows the
few it understands. Nothing is imported, no object is made, no attribute is set. Any other instruction is refused.
"""

import pickletools
from collections.abc import Callable
from typing import Any, NamedTuple

from tritgolf.malformed import MalformedError, require

MAX_INSTRUCTIONS = 200_000  # a full-size published artifact has a few thousand

CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
LITERALS = {"BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE", "SHORT_BINUNICODE", "BINBYTES", "SHORT_BINBYTES"}
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
IGNORED = {"PROTO", "FRAME", "STOP"}


class Name(NamedTuple):
    """Something that a pickle wants imported. It never is."""

    module: str
    name: str


def read_pickle(data: bytes, construct: Callable[[Name, Any], Any], resolve: Callable[[Any], Any]) -> Any:
    """The data that the pickle ``data`` describes.

    ``construct(name, arguments)`` stands for a call, ``resolve(identifier)`` for a persistent id. Both check what they
    are given and raise ``MalformedError``, as this function does for whatever a pickle of data can't contain.
    """
    machine = _Machine(construct, resolve)
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(data)):
            require(count < MAX_INSTRUCTIONS, f"its pickle has more than {MAX_INSTRUCTIONS} instructions")
            machine.step(opcode.name, argument)
    except (ValueError, IndexError, KeyError) as error:
        raise MalformedError(f"its pickle is damaged ({type(error).__name__})") from None
    require(len(machine.stack) == 1 and not machine.marks, "its pickle is damaged (something is left over)")
    return machine.stack[0]


class _Machine:
    """The stack of a pickle, the marks in it, and its memo."""

    def __init__(self, construct: Callable[[Name, Any], Any], resolve: Callable[[Any], Any]) -> None:
        self.construct, self.resolve = construct, resolve
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.instructions: dict[str, Callable[[Any], None]] = {
            "MARK": lambda _: self.marks.append(len(self.stack)),
            "EMPTY_DICT": lambda _: self.stack.append({}),
            "EMPTY_LIST": lambda _: self.stack.append([]),
            "TUPLE": lambda _: self.stack.append(tuple(self.pop_to_mark())),
            "BINPUT": self.remember,
            "LONG_BINPUT": self.remember,
            "MEMOIZE": lambda _: self.remember(len(self.memo)),
            "BINGET": lambda index: self.stack.append(self.memo[index]),
            "LONG_BINGET": lambda index: self.stack.append(self.memo[index]),
            "SETITEM": lambda _: self.set_items(self.pop(2)),
            "SETITEMS": lambda _: self.set_items(self.pop_to_mark()),
            "APPEND": lambda _: self.append(self.pop(1)),
            "APPENDS": lambda _: self.append(self.pop_to_mark()),
            "GLOBAL": lambda name: self.name(*name.split(" ", 1)),
            "STACK_GLOBAL": lambda _: self.name(*self.pop(2)),
            "REDUCE": lambda _: self.call(*self.pop(2)),
            "BINPERSID": lambda _: self.stack.append(self.resolve(*self.pop(1))),
        }

    def step(self, opcode: str, argument: Any) -> None:
        if opcode in LITERALS:
            self.stack.append(argument)
        elif opcode in CONSTANTS:
            self.stack.append(CONSTANTS[opcode])
        elif opcode in TUPLES:
            self.stack.append(tuple(self.pop(TUPLES[opcode])))
        elif opcode not in IGNORED:
            require(opcode in self.instructions, f"its pickle holds more than data (instruction {opcode})")
            self.instructions[opcode](argument)

    def pop(self, count: int) -> list[Any]:
        start = len(self.stack) - count
        require(start >= (self.marks[-1] if self.marks else 0), "its pickle is damaged (it takes what is not there)")
        taken = self.stack[start:]
        del self.stack[start:]
        return taken

    def pop_to_mark(self) -> list[Any]:
        taken = self.pop(len(self.stack) - self.marks[-1])
        self.marks.pop()
        return taken

    def remember(self, index: int) -> None:
        self.memo[index] = self.stack[-1]

    def name(self, module: Any, name: Any) -> None:
        require(isinstance(module, str) and isinstance(name, str), "its pickle imports something that is no name")
        self.stack.append(Name(module, name))

    def call(self, name: Any, arguments: Any) -> None:
        require(isinstance(name, Name), "its pickle calls something that is no name")
        self.stack.append(self.construct(name, arguments))

    def set_items(self, items: list[Any]) -> None:
        target = self.stack[-1]
        strings = all(isinstance(key, str) for key in items[::2])
        require(isinstance(target, dict) and len(items) % 2 == 0 and strings, "its pickle holds an odd dictionary")
        target.update(zip(items[::2], items[1::2], strict=True))

    def append(self, items: list[Any]) -> None:
        target = self.stack[-1]
        require(isinstance(target, list), "its pickle appends to something that is no list")
        target.extend(items)
