"""Names in a statement that are its module's, told from those of functions and classes, and called something else."""

import ast
from collections.abc import Callable, Iterable, Iterator
from typing import Any

FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
Resolve = Callable[[str], Any]  # an expression or None


class Globals(ast.NodeTransformer):
    """Calls ``name`` for each reference to a name of the module: what it returns takes its place, None leaves it.

    ``attribute`` does so for ``name.attribute``, first.
    """

    def __init__(
        self, name: Resolve, attribute: Callable[[str, str], ast.expr | None] = lambda _name, _of: None
    ) -> None:
        self.name, self.attribute = name, attribute
        self.scopes: list[tuple[bool, set[str]]] = []  # whether it is a class's, and the names that it binds

    def visit_Name(self, node: ast.Name) -> ast.AST:
        new = self.name(node.id) if self._is_global(node.id) else None
        if isinstance(new, ast.Name):
            new.ctx = node.ctx
        return new or node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name) and self._is_global(node.value.id):
            new = self.attribute(node.value.id, node.attr)
            if new is not None:
                return new
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        if not self.scopes and isinstance(new := self.name(node.name), ast.Name):
            node.name = new.id
        node.decorator_list = self._all(node.decorator_list)
        self._visit_signature(node.args)
        node.returns = node.returns and self.visit(node.returns)
        with_names = bound_in(node.body) | _parameters(node.args)
        self._inside(False, with_names, lambda: setattr(node, "body", self._all(node.body)))
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        self._visit_signature(node.args)
        self._inside(False, _parameters(node.args), lambda: setattr(node, "body", self.visit(node.body)))
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        if not self.scopes and isinstance(new := self.name(node.name), ast.Name):
            node.name = new.id
        node.decorator_list, node.bases = self._all(node.decorator_list), self._all(node.bases)
        for keyword in node.keywords:
            self.visit(keyword)
        self._inside(True, bound_in(node.body), lambda: setattr(node, "body", self._all(node.body)))
        return node

    def _comprehension(self, node: ast.AST) -> ast.AST:
        generators = node.generators  # type: ignore[attr-defined]
        first = self.visit(generators[0].iter)
        names = {each for g in generators for each in _stored(g.target)}
        self._inside(False, names, lambda: self.generic_visit(node))
        generators[0].iter = first
        return node

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    def _visit_signature(self, arguments: ast.arguments) -> None:
        arguments.defaults = self._all(arguments.defaults)
        arguments.kw_defaults = [default and self.visit(default) for default in arguments.kw_defaults]
        for argument in _arguments(arguments):
            argument.annotation = argument.annotation and self.visit(argument.annotation)

    def _inside(self, in_class: bool, names: set[str], visit: Callable[[], object]) -> None:
        self.scopes.append((in_class, names))
        visit()
        self.scopes.pop()

    def _all(self, nodes: list[Any]) -> list[Any]:
        visited = (self.visit(node) for node in nodes)
        return [each for found in visited for each in (found if isinstance(found, list) else [found])]

    def _is_global(self, name: str) -> bool:
        own = self.scopes[-1:]  # a class's names are seen in its body alone
        seen = [names for in_class, names in self.scopes[:-1] if not in_class] + [names for _, names in own]
        return not any(name in names for names in seen)


def global_names(statement: ast.stmt) -> set[str]:
    """The names of its module, or of Python, that ``statement`` refers to or binds."""
    found: set[str] = set()
    Globals(found.add).visit(statement)
    return found


def bound_in(body: Iterable[ast.AST]) -> set[str]:
    """The names that the statements of one scope bind in it."""
    found: set[str] = set()
    released: set[str] = set()
    for node in (each for statement in body for each in _own_nodes(statement)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            found.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            found.add(node.name)
        elif isinstance(node, ast.Global):
            released |= set(node.names)
    return found - released


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """``node`` and what is below it in the same scope; of an inner one the node, and what it evaluates outside."""
    yield node
    if isinstance(node, COMPREHENSIONS):
        for child in ast.walk(node):
            if isinstance(child, ast.NamedExpr):
                yield child.target
        return
    outside: Iterable[ast.AST] = ast.iter_child_nodes(node)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        outside = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
    elif isinstance(node, ast.ClassDef):
        outside = node.bases
    for child in outside:
        yield from _own_nodes(child)


def _stored(target: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}


def _arguments(arguments: ast.arguments) -> list[ast.arg]:
    rest = [each for each in (arguments.vararg, arguments.kwarg) if each]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *rest]


def _parameters(arguments: ast.arguments) -> set[str]:
    return {argument.arg for argument in _arguments(arguments)}
