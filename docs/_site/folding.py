"""Which code a page folds, below what it made, and what its summary says.

What a reader would copy stays open: models, tuners, searches, results.
"""

import ast
import re

from notebooks import ROOT

# Code with one of these names is the subject, as is a program in a string.
SUBJECT = {"kt", "keras", "tf", "hp", "tuner", "oracle", "hypermodel", "model"}
SUBJECT |= {"search", "get_best_models", "hyperparameters", "trials_table"}
PROGRAM = re.compile(r"\b(kt|keras)\.|\b(from|import) keras|KERASTUNER")
FEW = 5  # lines of code take no more room than what they would fold under
MODULE = re.compile(r"(?m)^(?:import|from) (\w+)")


def is_subject(tree):
    """Return whether code uses Keras Tuner, Keras, or our models and tools."""
    names, nodes = set(), list(ast.walk(tree))
    for node in nodes:
        names |= {getattr(node, kind, None) for kind in ("id", "arg", "attr")}
    texts = " ".join(str(n.value) for n in nodes if isinstance(n, ast.Constant))
    paths = (ROOT / "snippets").glob("*/*.py")
    tools = [path.stem for path in paths if path.parts[-2] in ("models", "searches")]
    called = {str(name).lower().replace("_", "") for name in names}
    tools = {name.replace("_", "") for name in tools} & called
    return bool(names & SUBJECT or tools or PROGRAM.search(texts))


def listed(names, most=4):
    """Return names in a row, each once; dots stand for the rest."""
    names = list(dict.fromkeys(names))
    return ", ".join(names[:most] + ["…"] * (len(names) > most))


def summary(cell):
    """Return the line under which a cell's code is folded, None if it is not."""
    code, said = cell.source, cell.metadata
    if code.startswith('"""'):
        return "Snippet: " + code.split('"""')[1].strip()
    tree, made = ast.parse(code), cell.get("outputs", ())
    imports = sum(isinstance(n, ast.Import | ast.ImportFrom) for n in tree.body)
    if 2 * imports >= len(tree.body) and not made:
        return "Imports: " + listed(MODULE.findall(code), most=99)
    if {"answer", "fold", "open"} & said.keys():
        return said.get("answer") or said.get("fold")
    steps = [n for n in ast.walk(tree) if isinstance(n, ast.stmt)]
    steps = [n for n in steps if not hasattr(n, "body")]
    proofs = sum(isinstance(n, ast.Assert) for n in steps)
    figure = "figure" in said
    few = code.count("\n") < (2 if figure else FEW)
    subject = is_subject(tree) and not figure
    if proofs == len(steps) or not (made or subject) and 4 * proofs >= len(steps):
        return f"Proof: {proofs} assertion{'s' * (proofs > 1)}"
    if few or subject:
        return None
    if figure:
        return "How the figure is drawn"
    kinds = ast.FunctionDef | ast.ClassDef
    defined = [n for n in tree.body if isinstance(n, kinds)]
    names = [n.name for n in defined]
    if made:
        table = any("text/html" in out.get("data", ()) for out in made)
        how = f"How the {'table' if table else 'output'} is made"
        return how + f": {listed(names)}" * bool(names)
    if len(defined) == 1 and (text := ast.get_docstring(defined[0])):
        text = " ".join(text.split("\n\n")[0].split()).replace("`", "")
        return f"Helper: {names[0]}. {text}"
    targets = [t for n in tree.body for t in getattr(n, "targets", ())]
    targets = [n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)]
    return f"Preparation: {listed(names + targets)}"


def of_all(lines):
    """Return the line under which many folded cells lie together."""
    kinds = [line.partition(":")[0] for line in lines]
    kinds = [f"{kind[0].lower()}{kind[1:]}" for kind in kinds]
    counts = {kind: kinds.count(kind) for kind in kinds}
    parts = []
    for kind, count in counts.items():
        plural = "" if count == 1 or kind.endswith("s") else "s"
        parts.append(f"{count} {kind}{plural}" if count > 1 else kind)
    return f"Code: {', '.join(parts)}"


def blocks(cells):
    """Yield what a page shows together: cells with their summaries.

    The last one may have made something, below which the others are folded.
    """
    block = []
    for cell in cells:
        line = None if cell.cell_type == "markdown" else summary(cell)
        folded = line and not {"answer", "open"} & cell.metadata.keys()
        if block and not folded:
            yield block
            block = []
        block.append((cell, line))
        if not folded or cell.outputs:
            yield block
            block = []
    if block:
        yield block
