import ast

import pytest

from tritgolf.bundle.flatten import Flattened
from tritgolf.bundle.scopes import bound_in, global_names
from tritgolf.bundle.selection import Selection
from tritgolf.bundle.shake import Shaken
from tritgolf.bundle.specialize import specialized

NOTHING = Selection({}, frozenset(), {})


def package(folder, selection=NOTHING, **modules):
    """A package ``own`` of these modules, shaken from ``main.run``, as one namespace after it has run."""
    root = folder / "own"
    root.mkdir()
    (root / "__init__.py").write_text("")
    for name, source in modules.items():
        (root / f"{name}.py").write_text(source)
    shaken = Shaken(root, lambda module, tree: specialized(module, tree, selection))
    shaken.reach("own.main", "run")
    flattened = Flattened(shaken, ["own.main"])
    called = flattened.needs("own.main", "run")
    names: dict = {}
    exec(flattened.flat, names)
    return flattened, names[called]


def statement(source):
    return ast.parse(source).body[0]


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def f(a, b=c): d = a; return d + e", {"f", "c", "e"}),
        ("f = lambda a: a + b", {"f", "b"}),
        ("def f(): return [a for a in b if a > c]", {"f", "b", "c"}),
        ("class A(B):\n x = 1\n y = x\n def m(self): return x", {"A", "B", "x"}),
        ("def f():\n global g\n g = 1", {"f", "g"}),
        ("def f(v):\n try: pass\n except E as error: return error", {"f", "E"}),
    ],
)
def test_names_of_the_module_are_told_from_those_of_its_functions(source, names):
    assert global_names(statement(source)) == names


def test_annotations_go_but_those_of_triton_s_constants():
    source = "def f(a: int):\n b: int = a\n C: tl.constexpr = b\n return C"
    left = ast.unparse(specialized("own.main", ast.parse(source), NOTHING))
    assert left.splitlines() == ["def f(a):", "    b = a", "    C: tl.constexpr = b", "    return C"]


def test_a_callers_mistake_has_no_words():
    source = "def f(x):\n    if x:\n        raise ValueError(f'{x} is odd')\n    raise OSError('disk')"
    left = ast.unparse(specialized("own.main", ast.parse(source), NOTHING))
    assert left == "def f(x):\n    if x:\n        raise ValueError\n    raise OSError('disk')"


def test_names_that_a_function_binds():
    body = statement("def f():\n import a.b\n c = [d for d in e if (g := d)]\n def h(i): j = i\n for k in c: pass").body
    assert bound_in(body) == {"a", "c", "g", "h", "k"}


def test_only_what_is_reached_stays_and_equal_names_stay_apart(tmp_path):
    helper = "from own import other\nSIZE = 3\ndef size(): return SIZE + other.size()\ndef unused(): return nowhere"
    flattened, run = package(
        tmp_path,
        main="from own.helper import size as length\ndef run():\n size = 100\n return size + length()",
        helper=helper,
        other="def size(): return 20\ndef nothing(): pass",
    )
    assert run() == 123
    assert "nowhere" not in flattened.flat and "nothing" not in flattened.flat


def test_a_module_that_is_handed_on_is_whole_and_one_of_a_function_stays_apart(tmp_path):
    flattened, run = package(
        tmp_path,
        main="from own import layout\nALL = {'a': layout}\ndef run(): return ALL['a'].pack(1)\n"
        "def late():\n from own.kernel import go\n return go()\nrun.late = late",
        layout="def pack(n): return n + 1",
        kernel="import not_there\nfrom own.layout import pack\ndef go(): return pack(1)",
    )
    assert run() == 2
    assert list(flattened.late) == ["kernel"]
    assert "from flat import pack_" in flattened.late["kernel"]


def test_methods_that_nothing_calls_go_unless_a_library_may_call_them(tmp_path):
    flattened, run = package(
        tmp_path,
        main="import ast\nclass A:\n def used(self): return self.too()\n def too(self): return 1\n"
        " def idle(self): pass\nclass V(ast.NodeVisitor):\n def visit_Name(self, node): pass\n"
        "def run(): return A().used(), V()",
    )
    assert run()[0] == 1
    assert "idle" not in flattened.flat and "visit_Name" in flattened.flat


def test_other_systems_entries_and_the_branches_for_them_go(tmp_path):
    selection = Selection({"own.main:KINDS": frozenset({"a"})}, frozenset({"B"}), {})
    flattened, run = package(
        tmp_path,
        selection,
        main="class A: pass\nclass B: pass\ndef of_b(): return A | B\nKINDS = {'a': A, 'b': B}\n"
        "def run(x=None):\n if x and not isinstance(x, B): return list(KINDS)\n"
        " if isinstance(x, B) and of_b(): return of_b()\n return 0",
    )
    assert (run(), run(1)) == (0, ["a"])
    assert "class B" not in flattened.flat and "of_b" not in flattened.flat


def test_settings_that_are_null_or_false_decide_branches(tmp_path):
    selection = Selection({}, frozenset(), {"train": {"clip_norm": None, "each": False, "order": True}})
    flattened, run = package(
        tmp_path,
        selection,
        main="class Train: clip_norm, each, steps = None, False, 7\ndef clipped(): pass\ndef run():\n train = Train()\n"
        " train.clip_norm = train.clip_norm\n if train.clip_norm is not None or train.each: return clipped()\n"
        " return (train.steps, train.clip_norm, 1 if train.clip_norm else 2, not train.order)",
    )
    assert run() == (7, None, 2, False)
    assert "def clipped" not in flattened.flat


def test_what_a_function_is_known_to_give_decides_branches(tmp_path):
    flattened, run = package(
        tmp_path,
        Selection({}, frozenset(), {}, {"asks": True, "finds": False}),
        main="def asks(x): return False\ndef finds(x): return 3\n"
        "def run(x):\n x = x or finds(x)\n if asks(x): return x\n return elsewhere(x)\ndef elsewhere(x): return 5",
    )
    assert run(0) == 0
    assert not [name for name in ("asks", "finds", "elsewhere") if name in flattened.flat]


def test_of_an_error_the_advice_goes_and_of_a_damaged_file_what_is_wrong_with_it(tmp_path):
    flattened, run = package(
        tmp_path,
        main="class InputError(Exception): pass\n"
        "def require(holds, what='is damaged'):\n if not holds: raise InputError('file', what, 'fetch it again')\n"
        "def run(n): require(n > 1, f'has {n} bytes'); return n",
    )
    assert run(2) == 2
    with pytest.raises(Exception, match=r"^\('file', 'is damaged'\)$"):
        run(1)
    assert "bytes" not in flattened.flat and "fetch" not in flattened.flat
