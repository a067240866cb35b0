"""The checker, whole and with each condition left out."""

import ast
import importlib.util
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "lk" / "proofs" / "checker.py"


def checker(tree=None):
    """The checker as a module, from its source or from a changed syntax tree."""
    module = importlib.util.module_from_spec(importlib.util.spec_from_file_location("outside_checker", SOURCE))
    tree = ast.fix_missing_locations(tree or ast.parse(SOURCE.read_text()))
    exec(compile(tree, "checker.py", "exec"), module.__dict__)
    return module


class Kept(dict):
    """Networks whose gaps were computed: the checker forgets all but the last, and here they come again and again."""

    def clear(self):
        if len(self) > 200:
            super().clear()


def accepted(module, stored, folder, networks, text=None):
    """Whether the checker accepts a certificate, and what it says."""
    for path in [*folder.parent.glob("*.safetensors"), *folder.glob("*")]:
        path.unlink()
    stored.write(folder, text)
    try:
        return True, module.examine(folder, networks, 0, 0)
    except Exception as error:
        return False, f"{type(error).__name__}: {error}"


def conditions(tree):
    """Expressions that decide: arguments of `need`, values of `holds` and `fits`, what functions return as a bool."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "need":
            yield node.args[0]
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "fits":
            yield node.value
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "holds":
            yield from node.value.values
        elif isinstance(node, ast.FunctionDef) and getattr(node.returns, "id", "") == "bool":
            yield node.body[-1].value


def smaller(node):
    """A condition with one side left out: all of it, a side of an `and`, a side of a chain."""
    yield ast.Constant(True)
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
        for k in range(len(node.values)):
            for less in smaller(node.values[k]):
                yield ast.BoolOp(node.op, [*node.values[:k], less, *node.values[k + 1 :]])
    elif isinstance(node, ast.BoolOp):
        for less in smaller(node.values[-1]):
            yield ast.BoolOp(node.op, [*node.values[:-1], less])
    elif isinstance(node, ast.Compare) and len(node.ops) > 1:
        sides = [node.left, *node.comparators]
        pairs = [ast.Compare(sides[i], [node.ops[i]], [sides[i + 1]]) for i in range(len(node.ops))]
        for k in range(len(pairs)):
            yield ast.BoolOp(ast.And(), [ast.Constant(True), *pairs[:k], *pairs[k + 1 :]])


def mutants():
    """The checker with one condition left out, and with gaps compared in floats."""
    source = SOURCE.read_text()
    for index, condition in enumerate(conditions(ast.parse(source))):
        for number in range(len(list(smaller(condition)))):
            tree = ast.parse(source)
            old = list(conditions(tree))[index]
            new = list(smaller(old))[number]
            what = f"{ast.unparse(old)}  ->  {ast.unparse(new)}"
            replace(tree, old, new)
            yield old.lineno, what, tree
    exact = "gap * below >= above << network.shift"
    assert exact in source
    yield 0, "gaps in floats", ast.parse(source.replace(exact, "gap / (1 << network.shift) >= slack[pair]"))


def replace(tree, old, new):
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
            elif isinstance(value, list) and old in value:
                value[value.index(old)] = new
