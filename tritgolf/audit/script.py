"""A static look at a submission's script, by its syntax tree: nothing is run, and only what is sure is said.

Two signs are looked for. How a table of bytes a token is built from SentencePiece's pieces, whose ``▁`` is one space
and three bytes of UTF-8. And whether, in one loop over windows, a score is added up after something was fitted to the
same targets under the same mask, as #1722's SLOT does; a score added up before the fit is score-first, and allowed.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

SPACE = "▁"
MAX_SCRIPT_BYTES = 4 << 20
STRIPS = ("lstrip", "strip", "removeprefix", "replace")
TRAINING = re.compile(r"train|pretrain|^fit|^main$|calib|distill", re.IGNORECASE)
NUMBERS_OF_LOSS = ("loss", "nll", "nats", "bits", "bpb")  # what a name that sums up a score has in it


def parse_script(path: Path) -> ast.Module | None:
    """The script's syntax tree; None if it is too large, no Python, or packed so that there is nothing to see."""
    if path.stat().st_size > MAX_SCRIPT_BYTES:
        return None
    try:
        return ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError, MemoryError, OSError):
        return None


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    """Every function of the script."""
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def calls(node: ast.AST, name: str) -> bool:
    """Whether a method or function of this name is called anywhere in ``node``."""
    return any(isinstance(call, ast.Call) and _called(call) == name for call in ast.walk(node))


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def byte_tables(tree: ast.Module) -> list[ast.FunctionDef]:
    """The functions that count bytes of SentencePiece's pieces: they ask for pieces and take lengths of UTF-8."""
    return [f for f in functions(tree) if calls(f, "id_to_piece") and any(_encoded_lengths(f))]


def _encoded_lengths(function: ast.FunctionDef) -> Iterator[ast.Call]:
    """``len(….encode(…))`` calls."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and _called(node) == "len" and node.args and calls(node.args[0], "encode"):
            yield node


def strips_the_space(function: ast.FunctionDef) -> bool:
    """Whether ▁ is taken off a piece, or its bytes off the count, in some way."""
    for node in ast.walk(function):
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Sub):
            return True
        if isinstance(node, ast.Call) and _called(node) in STRIPS and _has_space(node):
            return True
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice) and _is_number(node.slice.lower, 1):
            return True
    return False


def flags_the_space(function: ast.FunctionDef) -> bool:
    """Whether a table of leading spaces is filled where a piece begins with ▁."""
    tests = (node for node in ast.walk(function) if isinstance(node, ast.If) and _starts_with_space(node.test))
    filled = any(_is_flag(statement) for test in tests for statement in test.body)
    direct = any(isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript)
                 and _starts_with_space(node.value) for node in ast.walk(function))  # fmt: skip
    return filled or direct


def counts_the_space(function: ast.FunctionDef) -> bool:
    """Whether a byte is added to the length of a piece where it begins with ▁, in the table of lengths itself."""
    tests = [node for node in ast.walk(function) if isinstance(node, ast.If) and _starts_with_space(node.test)]
    return any(
        isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and _is_number(node.right, 1)
        and any(isinstance(part, ast.Call) and _called(part) == "len" for part in ast.walk(node.left))
        for test in tests for statement in test.body for node in ast.walk(statement)
    )  # fmt: skip


def _is_flag(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Assign)
        and isinstance(statement.targets[0], ast.Subscript)
        and isinstance(statement.value, ast.Constant)
        and statement.value.value in (True, 1)
    )


def _starts_with_space(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and _called(node) == "startswith" and _has_space(node)


def _has_space(call: ast.Call) -> bool:
    return any(isinstance(part, ast.Constant) and part.value == SPACE for part in ast.walk(call))


def _is_number(node: ast.expr | None, value: int) -> bool:
    return isinstance(node, ast.Constant) and node.value == value


def adds_spaces(tree: ast.Module) -> bool:
    """Whether some sum of the script has a name of leading spaces in it: they are counted besides the pieces' bytes."""
    for node in ast.walk(tree):
        added = isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Add)
        if added and any("space" in name for name in names(node)):
            return True
    return False


def names(node: ast.AST) -> Iterator[str]:
    """Every name, and name of an attribute, in a node."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr


def fits_before_scoring(tree: ast.Module) -> list[tuple[str, str]]:
    """(function, targets) where, in one loop, a score is added up after a fit to the very same targets.

    A fit is an inner loop with ``backward`` and ``step``; a score is ``loss_sum += …``. Both must use the same name of
    targets, whole and under the same masks, and nothing assigns it in between. A loop of training adds up losses for
    its log, so functions of that name, and sums, are left out.
    """
    found = []
    for function in functions(tree):
        if TRAINING.search(function.name):
            continue
        for loop in (node for node in ast.walk(function) if isinstance(node, ast.For | ast.While)):
            found += [(function.name, target) for target in _scored_after_fit(loop.body)]
    return list(dict.fromkeys(found))


def scores_before_fitting(tree: ast.Module) -> list[str]:
    """Functions in which a loop adds up a score and then fits something, and none does so the other way around."""
    found = []
    for function in functions(tree):
        for loop in (node for node in ast.walk(function) if isinstance(node, ast.For | ast.While)):
            statements = list(flat(loop.body))
            scores = [at for at, statement in enumerate(statements) if is_score(statement)]
            fits = [at for at, statement in enumerate(statements) if is_fit(statement)]
            if scores and fits and max(scores) < min(fits):
                found.append(function.name)
    return list(dict.fromkeys(found))


def is_fit(statement: ast.stmt) -> bool:
    """Whether a statement is a loop that takes steps down a gradient."""
    return isinstance(statement, ast.For | ast.While) and calls(statement, "backward") and calls(statement, "step")


def _scored_after_fit(body: list[ast.stmt]) -> Iterator[str]:
    """Names of targets that a loop's body fits, and scores after it."""
    statements = list(flat(body))
    for place, statement in enumerate(statements):
        if not is_fit(statement):
            continue
        fitted = targets(statement)
        earlier = any(is_score(before) for before in statements[:place])
        for later in statements[place + 1 :]:
            fitted -= set(assigned(later))
            if is_score(later) and not earlier:
                made = sources(later, statements[place + 1 :])
                if _covers(statement, made):
                    yield from sorted(fitted & {name for part in made for name in targets(part)})


def _covers(fit: ast.stmt, scores: list[ast.stmt]) -> bool:
    """Whether a fit surely sees every token that is scored: by the same masks, or by none and no slice."""
    fitted, scored = _masks(fit), {name for part in scores for name in _masks(part)}
    if fitted or scored:
        return fitted == scored
    return not any(isinstance(node, ast.Slice) for node in ast.walk(fit))


def _masks(statement: ast.stmt) -> set[str]:
    return {name for name in names(statement) if "mask" in name.lower()}


def flat(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements in order, those under ``with`` and ``if`` among them."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.With | ast.If):
            yield from flat(statement.body)


def targets(part: ast.stmt) -> set[str]:
    """Names that cross-entropies are computed against, whole: reshaped at most, no slice of them."""
    found: set[str] = set()
    for node in ast.walk(part):
        if isinstance(node, ast.Call) and _called(node) in ("cross_entropy", "nll_loss") and len(node.args) > 1:
            targets = node.args[1]
            if isinstance(targets, ast.Call) and _called(targets) in ("reshape", "view", "flatten"):
                targets = targets.func.value if isinstance(targets.func, ast.Attribute) else targets
            found |= {targets.id} if isinstance(targets, ast.Name) else set()
    return found


def is_score(statement: ast.stmt) -> bool:
    """Whether a statement adds to a sum that is called a loss, and not one of training."""
    if not (isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Add)):
        return False
    if any("train" in name.lower() for name in names(statement.target)):
        return False
    return any(word in name.lower() for name in names(statement.target) for word in NUMBERS_OF_LOSS)


def sources(score: ast.stmt, statements: list[ast.stmt]) -> list[ast.stmt]:
    """The statements that a score is made of: itself, and the assignments of its names."""
    used = set(names(score.value)) if isinstance(score, ast.AugAssign) else set()
    return [score, *(s for s in statements if isinstance(s, ast.Assign) and set(assigned(s)) & used)]


def assigned(statement: ast.stmt) -> Iterator[str]:
    """The names in what a statement assigns to."""
    if isinstance(statement, ast.Assign):
        for target in statement.targets:
            yield from (part.id for part in ast.walk(target) if isinstance(part, ast.Name))
