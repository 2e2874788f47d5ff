"""A static look at how a script scores: one distribution over the vocabulary (C2), one pass over the text (C4).

Signs that need no running: a probability of the target alone, out of counts under a hashed key that the target is part
of; the smaller of several models' losses, token by token; a second loop over the text that scores what a first one
fitted or counted. A script may do any of it in a way that this look doesn't know: then nothing is said.
"""

import ast
import re
from collections.abc import Iterator, Sequence

from tritgolf.audit.script import assigned, flat, functions, is_fit, is_score, names, sources, targets

HASHES = (ast.BitXor, ast.Mult)  # how ids are mixed into a key …
BUCKETS = (ast.Mod, ast.BitAnd)  # … and how it is cut to the table's length
LOOKUPS = ("gather", "take", "index_select", "get")
MIXTURE = re.compile(r"n_?gram|cache|mix|blend", re.IGNORECASE)
FLATTENED = (ast.With, ast.If)  # whose bodies ``flat`` gives besides
LESS = ("minimum", "fmin", "min")


def probabilities_of_hashed_targets(tree: ast.Module) -> list[str]:
    """Functions that divide a count looked up under a hashed key with the target in it by another count.

    Hashed: mixed by ``^`` or ``*`` and cut by ``%`` or ``&``, so that other tokens share its bucket and the quotients
    of all tokens need not add up to one. A table of exact keys, or one that is only filled so, is none.
    """
    return [function.name for function in functions(tree) if _divides_hashed(function)]


def _divides_hashed(function: ast.FunctionDef) -> bool:
    made = {name: node.value for node in ast.walk(function) if isinstance(node, ast.Assign) for name in assigned(node)}
    scored = _target_names(function)
    keys = {name for name, value in made.items() if _is_hash_of(value, scored, made)}
    looked_up = {name for name, value in made.items() if _looks_up(value, keys)}
    divisions = (node for node in ast.walk(function) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div))
    return any(_looks_up(node.left, keys) or set(names(node.left)) & looked_up for node in divisions)


def _target_names(function: ast.FunctionDef) -> set[str]:
    """What a function calls the tokens that it scores: in cross-entropies, or by a name that says so."""
    named = {name for name in names(function) if "target" in name.lower() or name.lower() in ("tgt", "tgts", "y")}
    return named | {
        name for statement in ast.walk(function) if isinstance(statement, ast.stmt) for name in targets(statement)
    }


def _is_hash_of(value: ast.expr, scored: set[str], made: dict[str, ast.expr], depth: int = 4) -> bool:
    """Whether an expression, its names' own assignments among it, mixes a target into a key cut to buckets."""
    parts = [value]
    for _ in range(depth):
        parts += [made[name] for part in parts for name in set(names(part)) if name in made and made[name] not in parts]
    operations = [node.op for part in parts for node in ast.walk(part) if isinstance(node, ast.BinOp)]
    is_mixed = any(isinstance(op, HASHES[0]) for op in operations) and any(
        isinstance(op, HASHES[1]) for op in operations
    )
    is_cut = any(isinstance(op, BUCKETS) for op in operations)
    return is_mixed and is_cut and bool({name for part in parts for name in names(part)} & scored)


def _looks_up(value: ast.AST, keys: set[str]) -> bool:
    return any(set(names(part)) & keys for node in ast.walk(value) for part in _places(node))


def _places(node: ast.AST) -> Sequence[ast.AST]:
    """The indices of a look-up: ``counts[key]``, ``counts.gather(0, key)``."""
    if isinstance(node, ast.Subscript):
        return (node.slice,)
    is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LOOKUPS
    return node.args if is_call and isinstance(node, ast.Call) else ()


def smaller_of_losses(tree: ast.Module) -> list[str]:
    """Functions whose score is the smaller of two losses, token by token: chosen by the token that came."""
    scoring = []
    for function in functions(tree):
        statements = [node for node in ast.walk(function) if isinstance(node, ast.stmt)]
        scores = [statement for statement in statements if is_score(statement)]
        parts = [part for score in scores for part in sources(score, statements)]
        if any(_is_smaller_loss(node) for part in parts for node in ast.walk(part)):
            scoring.append(function.name)
    return scoring


def _is_smaller_loss(node: ast.AST) -> bool:
    """``torch.minimum(nll_a, nll_b)``: two losses of tokens, by their names; Python's ``min(a, b)`` is of numbers."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LESS):
        return False
    losses = [argument for argument in node.args if any(_is_loss(name) for name in names(argument))]
    return len(node.args) == len(losses) == 2 and ast.dump(losses[0]) != ast.dump(losses[1])


def _is_loss(name: str) -> bool:
    return any(word in name.lower() for word in ("nll", "loss", "nats"))


def softmax_scores(tree: ast.Module) -> list[str]:
    """Functions that add up cross-entropies of logits alone, and use their targets for nothing before."""
    scoring = []
    for function in functions(tree):
        for loop in _loops(function):
            statements = list(flat(loop.body))
            scores = [at for at, statement in enumerate(statements) if is_score(statement)]
            if scores and _is_plain(statements[: scores[0] + 1]):
                scoring.append(function.name)
    return list(dict.fromkeys(scoring))


def _is_plain(statements: Sequence[ast.stmt]) -> bool:
    """Whether statements up to a score compute it by a cross-entropy, the targets in no other place."""
    simple = [part for part in statements if not isinstance(part, FLATTENED)]
    made = [part for part in sources(statements[-1], simple) if targets(part)]
    scored = {name for part in made for name in targets(part)}
    used = [part for part in simple if set(_loaded(part)) & scored and not set(assigned(part)) & scored]
    return bool(made) and all(part in made for part in used)


def _loaded(statement: ast.stmt) -> Iterator[str]:
    yield from (n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))


def scores_in_a_second_pass(tree: ast.Module) -> list[str]:
    """Functions with two loops over one text, one after the other, of which the first fits and the second scores.

    Nothing between them puts the weights back.
    """
    return [function.name for function in functions(tree) if _has_second_pass(function)]


def _has_second_pass(function: ast.FunctionDef) -> bool:
    loops = [statement for statement in flat(function.body) if isinstance(statement, ast.For)]
    for place, first in enumerate(loops):
        for second in loops[place + 1 :]:
            between = [s for s in flat(function.body) if first.lineno < s.lineno < second.lineno]
            if _same_text(first, second) and _fits(first) and _scores(second) and not any(map(_restores, between)):
                return True
    return False


def _same_text(first: ast.For, second: ast.For) -> bool:
    return ast.dump(first.iter) == ast.dump(second.iter)


def _fits(loop: ast.For) -> bool:
    """Whether a loop takes steps down a gradient of a cross-entropy of its own tokens, of each element once or more."""
    body = ast.Module(body=loop.body, type_ignores=[])
    fitted = any(is_fit(statement) for statement in ast.walk(body) if isinstance(statement, ast.stmt)) or is_fit(loop)
    return fitted and any(targets(statement) for statement in ast.walk(body) if isinstance(statement, ast.stmt))


def _scores(loop: ast.For) -> bool:
    return any(is_score(statement) for statement in ast.walk(loop) if isinstance(statement, ast.stmt))


def _restores(statement: ast.stmt) -> bool:
    called = (n.func.attr for n in ast.walk(statement) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute))
    return any(name in ("load_state_dict", "copy_", "deepcopy", "restore") for name in called)


def one_pass_scores(tree: ast.Module) -> list[str]:
    """Functions that fit and score in one loop over the text and have no other loop that does either."""
    scoring = []
    for function in functions(tree):
        loops = [s for s in flat(function.body) if isinstance(s, ast.For)]
        busy = [loop for loop in loops if _fits(loop) or _scores(loop)]
        if len(busy) == 1 and _fits(busy[0]) and _scores(busy[0]):
            scoring.append(function.name)
    return scoring


def mixes(tree: ast.Module) -> list[str]:
    """Functions with names of n-grams, caches or mixtures in them that take logarithms or losses of their own."""
    return [function.name for function in functions(tree)
            if "log" in names(function) and any(map(MIXTURE.search, [function.name, *names(function)]))]  # fmt: skip


def _loops(function: ast.FunctionDef) -> Iterator[ast.For | ast.While]:
    yield from (node for node in ast.walk(function) if isinstance(node, ast.For | ast.While))
