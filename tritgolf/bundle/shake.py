"""What of a package an entry function reaches: modules cut down to the top-level statements that a run can come to.

A statement is kept if a kept one refers to a name that it binds, in its own module or through an import, also one
inside a function. Statements that bind nothing are kept with their module, a function ``_`` with what its decorator is
of: ``@op.register_fake`` with ``op``. A module used as a value is kept whole; of one used as ``module.name``, that name
alone. A method that only the package can call is kept if any kept code has its name, of whatever object.
"""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeGuard

from tritgolf.bundle.scopes import bound_in, global_names

Transform = Callable[[str, ast.Module], ast.Module]
Name = tuple[str, str]  # a module, and what it binds
UNNAMED = "_"  # a function that its decorator registers, as an operator's form for compilers
PLAIN = ("property", "staticmethod", "classmethod")  # decorators that call nothing
CALL_NOTHING = ("BaseModel", "NamedTuple", "Protocol", "Exception", "RuntimeError", "ValueError")  # but their own


class Module:
    """A module's statements, imports one name each; what binds each name; the places of those that are kept."""

    def __init__(self, tree: ast.Module) -> None:
        self.statements = [single for statement in tree.body for single in _single_imports(statement)]
        self.kept: set[int] = set()
        self.uncalled: dict[int, list[ast.stmt]] = {}  # by the id of a class's statement
        self.binds: dict[str, list[int]] = {}
        for place, statement in enumerate(self.statements):
            for name in sorted(_names_of(statement)):
                self.binds.setdefault(name, []).append(place)

    @property
    def kept_statements(self) -> list[ast.stmt]:
        """In order, classes without the methods that nothing calls."""
        return [self._trimmed(self.statements[place]) for place in sorted(self.kept)]

    def _trimmed(self, statement: ast.stmt) -> ast.stmt:
        uncalled = self.uncalled.get(id(statement), [])
        if not (isinstance(statement, ast.ClassDef) and uncalled):
            return statement
        body = [each for each in statement.body if each not in uncalled] or [ast.Pass()]
        return ast.ClassDef(**{**vars(statement), "body": body})

    def acting(self) -> list[int]:
        """Places of statements that bind no name: they act."""
        named = {place for places in self.binds.values() for place in places}
        return [place for place in range(len(self.statements)) if place not in named]


class Shaken:
    """The modules of ``package`` (a folder) that are reached; ``transform`` changes each tree first."""

    def __init__(self, package: Path, transform: Transform) -> None:
        self.package, self.transform = package, transform
        self.modules: dict[str, Module] = {}
        self._todo: list[Name] = []
        self._mentioned: set[str] = set()
        self._waiting: dict[str, list[tuple[str, ast.ClassDef, ast.stmt]]] = {}  # methods by name

    def reach(self, module: str, name: str) -> None:
        """Keep what binds ``name`` in ``module``, and all that this refers to."""
        self._todo.append((module, name))
        while self._todo:
            module, name = self._todo.pop()
            for place in self.module(module).binds.get(name, []):
                self._keep(module, place)

    def module(self, name: str) -> Module:
        """The module of this dotted name, read when it is first asked for."""
        if name not in self.modules:
            tree = ast.parse(self.path(name).read_text(encoding="utf-8"))
            module = self.modules[name] = Module(self.transform(name, tree))
            for place in module.acting():
                self._keep(name, place)
        return self.modules[name]

    def origin(self, module: str, name: str) -> Name:
        """The module that defines what ``module`` calls ``name``, and its name there, through imports."""
        binding = self.import_of(module, name)
        source = None if binding is None else self.imports_from(binding)
        if isinstance(binding, ast.ImportFrom) and source is not None and source == binding.module:
            return self.origin(source, binding.names[0].name)
        return module, name

    def import_of(self, module: str, name: str) -> ast.Import | ast.ImportFrom | None:
        """The import that binds ``name`` in ``module``, if one does."""
        known = self.module(module)
        bindings = [known.statements[place] for place in known.binds.get(name, [])]
        return next((each for each in bindings if isinstance(each, ast.Import | ast.ImportFrom)), None)

    def imported_module(self, statement: ast.Import | ast.ImportFrom | None) -> str | None:
        """The module of the package that ``from package import module`` imports, where it is one."""
        if isinstance(statement, ast.ImportFrom) and statement.module and self._is_ours(statement.module):
            inner = f"{statement.module}.{statement.names[0].name}"
            return inner if self.path(inner).exists() else None
        return None

    def imports_from(self, statement: ast.stmt) -> str | None:
        """The module of the package that an import loads; None of any other statement."""
        if isinstance(statement, ast.ImportFrom) and statement.module and self._is_ours(statement.module):
            return self.imported_module(statement) or statement.module
        return None

    def path(self, module: str) -> Path:
        """The file of a module of the package, whether or not there is one."""
        path = self.package.parent.joinpath(*module.split("."))
        return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")

    def _keep(self, module: str, place: int) -> None:
        known = self.modules[module]
        if place in known.kept:
            return
        known.kept.add(place)
        statement = known.statements[place]
        if isinstance(statement, ast.ClassDef) and not self._is_called_by_others(module, statement):
            waiting = [each for each in statement.body if _is_plain_method(each)]
            known.uncalled[id(statement)] = list(waiting)
            for method in waiting:
                self._waiting.setdefault(method.name, []).append((module, statement, method))
        self._follow(module, known._trimmed(statement))
        while called := self._mentioned & self._waiting.keys():
            name = min(called)
            for owner, of_class, called_one in self._waiting.pop(name):
                self.modules[owner].uncalled[id(of_class)].remove(called_one)
                self._follow(owner, called_one)

    def _is_called_by_others(self, module: str, statement: ast.ClassDef) -> bool:
        """Whether a library may call methods of the class: it inherits from one of a library that calls any."""
        for base in statement.bases:
            if not isinstance(base, ast.Name):
                return True
            owner, name = self.origin(module, base.id)
            defined = [self.module(owner).statements[place] for place in self.module(owner).binds.get(name, [])]
            inherits = next((each for each in defined if isinstance(each, ast.ClassDef)), None)
            if inherits is None and name not in CALL_NOTHING:
                return True
            if inherits is not None and self._is_called_by_others(owner, inherits):
                return True
        return False

    def _follow(self, module: str, statement: ast.stmt) -> None:
        """Reach what a statement of ``module`` refers to."""
        known = self.modules[module]
        self._mentioned |= _mentions(statement)
        self._todo += self._imported(statement)
        for name in sorted(global_names(statement) & known.binds.keys()):
            self._todo.append((module, name))
            inner = self.imported_module(self.import_of(module, name))
            if inner is not None:
                self._todo += self._attributes(statement, name, inner)

    def _imported(self, statement: ast.stmt) -> Iterator[Name]:
        """What imports in ``statement`` take from modules of the package."""
        for node in ast.walk(statement):
            if isinstance(node, ast.ImportFrom) and node.module and self._is_ours(node.module):
                yield from ((node.module, alias.name) for alias in node.names)

    def _attributes(self, user: ast.stmt, name: str, module: str) -> Iterator[Name]:
        """The attributes of ``module`` that ``user`` names, or all where it hands the module on."""
        taken = {id(node.value): node.attr for node in ast.walk(user) if isinstance(node, ast.Attribute)}
        for node in ast.walk(user):
            if isinstance(node, ast.Name) and node.id == name:
                names = [taken[id(node)]] if id(node) in taken else list(self.module(module).binds)
                yield from ((module, each) for each in names)

    def _is_ours(self, name: str) -> bool:
        return name.split(".", maxsplit=1)[0] == self.package.name


def _names_of(statement: ast.stmt) -> set[str]:
    """What a statement binds; of a function ``_``, what its decorators register it with."""
    if isinstance(statement, ast.FunctionDef) and statement.name == UNNAMED:
        return {node.id for each in statement.decorator_list for node in ast.walk(each) if isinstance(node, ast.Name)}
    return bound_in([statement])


def _is_plain_method(statement: ast.stmt) -> TypeGuard[ast.FunctionDef]:
    """A method that no decorator hands on, and that Python itself does not call."""
    if not isinstance(statement, ast.FunctionDef) or statement.name.startswith("__"):
        return False
    return all(isinstance(each, ast.Name) and each.id in PLAIN for each in statement.decorator_list)


def _mentions(statement: ast.stmt) -> set[str]:
    """Attributes that a statement names, and words of its texts: they may name one."""
    found = {node.attr for node in ast.walk(statement) if isinstance(node, ast.Attribute)}
    texts = (node.value for node in ast.walk(statement) if isinstance(node, ast.Constant))
    return found | {text for text in texts if isinstance(text, str) and text.isidentifier()}


def _single_imports(statement: ast.stmt) -> list[ast.stmt]:
    """An import of several names as one import each; any other statement as it is."""
    if isinstance(statement, ast.ImportFrom):
        return [ast.ImportFrom(statement.module, [alias], statement.level) for alias in statement.names]
    if isinstance(statement, ast.Import):
        return [ast.Import([alias]) for alias in statement.names]
    return [statement]
