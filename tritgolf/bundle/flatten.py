"""Modules as one: their statements in the order of their imports, every module-level name unique.

Imports between them go, and with them half of all names that a script would have to spell. What is imported inside a
function alone (kernels, which need a GPU's libraries) stays a module of its own, which imports from the one.
"""

import ast
from collections.abc import Iterable, Iterator

from tritgolf.bundle.scopes import Globals
from tritgolf.bundle.shake import Name, Shaken

FLAT = "flat"  # the name of the one module


class Flattened:
    """The kept statements of ``shaken`` that ``roots`` (modules) need when they are imported, as one source ``flat``.

    ``late``: name → source of modules that functions import. ``needed``: names of ``flat`` that others use.
    """

    def __init__(self, shaken: Shaken, roots: Iterable[str]) -> None:
        self.shaken = shaken
        self.order: list[str] = []
        for root in roots:
            self._put_in_order(root)
        self.names: dict[Name, str] = {}
        self.imports: dict[str, str] = {}  # of other packages: import → what it binds
        self.spaces: set[str] = set()  # modules that are used as values
        self.needed: set[str] = set()
        self._count = 0
        parts = {module: [self._renamed(module, each) for each in self._own(module)] for module in self.order}
        late = [name for name, module in shaken.modules.items() if module.kept and name not in self.order]
        self.late = {late_name(name): self._late_source(name) for name in late}
        lines = [f"{text} as {bound}" for text, bound in self.imports.items()]
        for module, statements in parts.items():
            lines += [ast.unparse(ast.fix_missing_locations(each)) for each in statements]
            if module in self.spaces:
                lines.append(self._space(module))
        self.flat = "\n".join(lines)

    def needs(self, module: str, name: str) -> str:
        """What ``name`` of ``module`` is called in ``flat``, which others use."""
        called = self._called(module, name)
        self.needed.add(called)
        return called

    def _put_in_order(self, module: str) -> None:
        """``module`` behind what it imports when it is imported."""
        if module not in self.order:
            for statement in self.shaken.module(module).kept_statements:
                other = self.shaken.imports_from(statement)
                if other is not None:
                    self._put_in_order(other)
            self.order.append(module)

    def _own(self, module: str) -> Iterator[ast.stmt]:
        """The statements of ``module`` that are no imports at its top."""
        kept = self.shaken.module(module).kept_statements
        return (_copy(each) for each in kept if not isinstance(each, ast.Import | ast.ImportFrom))

    def _called(self, module: str, name: str) -> str:
        """The unique name of what ``module`` calls ``name``."""
        module, name = self.shaken.origin(module, name)
        found = self.shaken.import_of(module, name)
        inner = self.shaken.imported_module(found)
        if inner is not None:
            self.spaces.add(inner)
            return self._unique((inner, ""), inner.rpartition(".")[2])
        if found is None:
            return self._unique((module, name), name)
        text = _plain(found)
        if text not in self.imports:
            self.imports[text] = self._unique(("", text), name)
        return self.imports[text]

    def _unique(self, key: Name, name: str) -> str:
        """A name that no function has for anything of its own."""
        if key not in self.names:
            self._count += 1
            self.names[key] = f"{name}_g{self._count}"
        return self.names[key]

    def _space(self, module: str) -> str:
        """A module as a value: an object with all that it binds."""
        own = [name for name, places in self.shaken.module(module).binds.items() if self._defines(module, places)]
        fields = ",".join(f"{name}={self._called(module, name)}" for name in own)
        return f"{self.names[module, '']}=__import__('types').SimpleNamespace({fields})"

    def _defines(self, module: str, places: list[int]) -> bool:
        known = self.shaken.module(module)
        return not any(isinstance(known.statements[place], ast.Import | ast.ImportFrom) for place in places)

    def _renamed(self, module: str, statement: ast.stmt) -> ast.stmt:
        """``statement`` with the names of ``flat``; imports in its functions of what is there are assignments."""
        binds = self.shaken.module(module).binds

        def name(own: str) -> ast.expr | None:
            return ast.Name(self._called(module, own), ast.Load()) if own in binds else None

        def attribute(own: str, of_it: str) -> ast.expr | None:
            inner = self.shaken.imported_module(self.shaken.import_of(module, own)) if own in binds else None
            return None if inner is None else ast.Name(self._called(inner, of_it), ast.Load())

        renamed: ast.stmt = Globals(name, attribute).visit(statement)
        return _LateImports(self).visit(renamed)

    def _late_source(self, module: str) -> str:
        """A module that functions import: its own names, and imports from ``flat``."""
        lines = []
        for statement in self.shaken.module(module).kept_statements:
            other = self.shaken.imports_from(statement)
            if isinstance(statement, ast.ImportFrom) and other in self.order:
                alias = statement.names[0]
                called = self.needs(statement.module or "", alias.name)
                lines.append(f"from {FLAT} import {called} as {alias.asname or alias.name}")
            else:
                lines.append(ast.unparse(_LateImports(self).visit(_copy(statement))))
        return "\n".join(lines)


class _LateImports(ast.NodeTransformer):
    """Imports of the package in functions, as they are beside ``flat``."""

    def __init__(self, flattened: Flattened) -> None:
        self.flattened = flattened

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | list[ast.stmt]:
        shaken = self.flattened.shaken
        if shaken.imports_from(node) is None or node.module is None:
            return node
        if node.module in self.flattened.order:
            names = [
                (alias.asname or alias.name, self.flattened._called(node.module, alias.name)) for alias in node.names
            ]
            return [
                ast.Assign([ast.Name(own, ast.Store())], ast.Name(called, ast.Load()), lineno=0)
                for own, called in names
            ]
        return ast.ImportFrom(late_name(node.module), node.names, 0)


def _copy(statement: ast.stmt) -> ast.stmt:
    """Read anew: nodes share their contexts, to which the minifier ties the trees that it has seen."""
    return ast.parse(ast.unparse(ast.fix_missing_locations(statement))).body[0]


def late_name(module: str) -> str:
    """The module's name beside ``flat``."""
    return module.rpartition(".")[2]


def _plain(statement: ast.Import | ast.ImportFrom) -> str:
    """An import without the name that it binds: equal for equal imports. Of a package's inner module, the package."""
    alias = statement.names[0]
    if isinstance(statement, ast.ImportFrom):
        return f"from {statement.module} import {alias.name}"
    package = alias.name.split(".")[0]
    if alias.asname or package == alias.name:
        return f"import {alias.name}"
    return f"import {alias.name}\nimport {package}"
