"""A module's tree as one record's run needs it: other systems' entries, dead branches and annotations left out.

``isinstance`` of a class that the record has none of is false; a setting that is null, true or false, and a known
function (``Selection``), are what they are known to be; what follows is dead. Annotations of functions and variables
say nothing at run time but to Triton and ``custom_op``, whose functions keep theirs; those of dataclasses and named
tuples say only that there is a field. Settings were validated before: checks after validation go. Of an ``InputError``
where and what stay; of a damaged file what is wrong with it goes, since the script reads the file that it has written;
a plain ``ValueError``, a caller's mistake, has no words.
"""

import ast

from tritgolf.bundle.selection import Selection

KEEP_SIGNATURE = ("jit", "custom_op")


def specialized(module: str, tree: ast.Module, selection: Selection) -> ast.Module:
    """``tree`` of ``module`` (its dotted name) for what ``selection`` selects."""
    for statement in tree.body:
        _select_entries(module, statement, selection)
    tree = _Specializer(selection).visit(tree)
    tree.body = [each for each in tree.body if not (_is_for_types(each) or _is_text(each))]
    return ast.fix_missing_locations(tree)


def _select_entries(module: str, statement: ast.stmt, selection: Selection) -> None:
    target: ast.expr | None = statement.target if isinstance(statement, ast.AnnAssign) else None
    if isinstance(statement, ast.Assign):
        target = statement.targets[0]
    if not isinstance(target, ast.Name) or not isinstance(value := getattr(statement, "value", None), ast.Dict):
        return
    keys = selection.entries.get(f"{module}:{target.id}")
    if keys is not None:
        pairs = [(k, v) for k, v in zip(value.keys, value.values, strict=True) if ast.literal_eval(k or "") in keys]
        value.keys, value.values = [k for k, _ in pairs], [v for _, v in pairs]


def _is_text(statement: ast.stmt) -> bool:
    """A docstring, or one of a name above it."""
    text = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(text, ast.Constant) and isinstance(text.value, str)


def _is_for_types(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.dump(statement.test)


class _Specializer(ast.NodeTransformer):
    """Drops ``absent`` classes from unions; decides branches on them and ``constants``; drops what is for readers."""

    def __init__(self, selection: Selection) -> None:
        self.absent, self.constants, self.known = selection.absent, selection.constants, selection.known

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """``train.clip_norm`` and ``self.train.clip_norm``."""
        self.generic_visit(node)
        known = self.constants.get(getattr(node.value, "attr", getattr(node.value, "id", "")), {})
        return ast.Constant(known[node.attr]) if node.attr in known and isinstance(node.ctx, ast.Load) else node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """Whether a constant is None."""
        self.generic_visit(node)
        none = isinstance(node.comparators[0], ast.Constant) and node.comparators[0].value is None
        if none and isinstance(node.left, ast.Constant) and isinstance(node.ops[0], ast.Is | ast.IsNot):
            return ast.Constant((node.left.value is None) == isinstance(node.ops[0], ast.Is))
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.BitOr):
            for side, other in ((node.left, node.right), (node.right, node.left)):
                if isinstance(side, ast.Name) and side.id in self.absent:
                    return other
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "isinstance":
            kind = node.args[1]
            if isinstance(kind, ast.Name) and kind.id in self.absent:
                return ast.Constant(False)
        if isinstance(node.func, ast.Name) and node.func.id in self.known:
            return ast.Constant(self.known[node.func.id])
        if isinstance(node.func, ast.Name) and node.func.id == "InputError":
            node.args = node.args[:2]
        if isinstance(node.func, ast.Name) and node.func.id == "require":
            node.args = node.args[:1]
        return node

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.exc, ast.Call) and ast.unparse(node.exc.func) == "ValueError":
            node.exc = node.exc.func
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.Not) and (known := _known(node.operand)) is not None:
            return ast.Constant(not known)
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        """``False and x`` is false, ``True and x`` is x; likewise of ``or``."""
        self.generic_visit(node)
        deciding = isinstance(node.op, ast.Or)
        values: list[ast.expr] = []
        for value in node.values:
            known = _known(value)
            if known is None:
                values.append(value)
            elif known is deciding:
                values.append(ast.Constant(deciding))
                break
        if not values or (len(values) == 1 and _known(values[0]) is not None):
            return values[0] if values else ast.Constant(not deciding)
        return values[0] if len(values) == 1 else ast.BoolOp(node.op, values)

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        self.generic_visit(node)
        known = self._decided(node.test)
        return node if known is None else node.body if known else node.orelse

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        known = self._decided(node.test)
        return node if known is None else (node.body if known else node.orelse) or [ast.Pass()]

    def _decided(self, test: ast.expr) -> bool | None:
        return self.known.get(test.id) if isinstance(test, ast.Name) else _known(test)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST | None:
        if any(ast.unparse(decorator) == "model_validator(mode='after')" for decorator in node.decorator_list):
            return None
        keeps = any(word in ast.dump(decorator) for decorator in node.decorator_list for word in KEEP_SIGNATURE)
        if not keeps:
            node.returns = None
            arguments = node.args
            for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
                argument.annotation = None
            for rest in filter(None, (arguments.vararg, arguments.kwarg)):
                rest.annotation = None
        node.body = _without_docstring(node.body)
        self.generic_visit(node)
        node.body = _up_to_the_end(node.body)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        """Of a module or function; ``visit_ClassDef`` sees those of classes first. Triton's constants stay."""
        self.generic_visit(node)
        if "constexpr" in ast.dump(node.annotation):
            return node
        return ast.Assign([node.target], node.value) if node.value else None

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        plain = any("dataclass" in ast.dump(d) for d in node.decorator_list)
        plain |= any(isinstance(base, ast.Name) and base.id == "NamedTuple" for base in node.bases)
        body: list[ast.stmt] = []
        for statement in _without_docstring(node.body):
            if not isinstance(statement, ast.AnnAssign):
                visited = self.visit(statement)
                body += visited if isinstance(visited, list) else [visited] * (visited is not None)
                continue
            self.generic_visit(statement)
            if plain and "ClassVar" not in ast.dump(statement.annotation):
                statement.annotation = ast.Name("int", ast.Load())
            body.append(statement)
        node.body = body or [ast.Pass()]
        return node


def _known(test: ast.expr) -> bool | None:
    if isinstance(test, ast.Constant) and (test.value is None or isinstance(test.value, bool)):
        return bool(test.value)
    return None


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    return [statement for statement in body if not _is_text(statement)] or [ast.Pass()]


def _up_to_the_end(body: list[ast.stmt]) -> list[ast.stmt]:
    """``body`` without what follows a ``return`` or ``raise``."""
    for place, statement in enumerate(body):
        if isinstance(statement, ast.Return | ast.Raise):
            return body[: place + 1]
    return body or [ast.Pass()]
