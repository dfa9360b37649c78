"""Write the parts of which your_data.js composes programs.

The programs of docs/your_data/ hold all that can be chosen: after a line
`#: kind=table resume`, lines are for tables that resume, until the next
such line. `kind=table,texts` is either, `!resume` is without it. An
import of a snippet stands for what the snippet does, its docstrings cut
to their first line.
"""

import ast
import json
import re
import sys

import notebooks

MARK = re.compile(r" *#: ?(.*)")
DOCUMENTED = ast.FunctionDef | ast.ClassDef


def names_of(node):
    """Yield each import of a statement, as tuples in isort's order."""
    for alias in node.names:
        plain = isinstance(node, ast.Import)
        module = alias.name if plain else node.module
        foreign = module.split(".")[0] not in sys.stdlib_module_names
        short = alias.asname or alias.name.split(".")[0]
        name = f"{alias.name} as {short}" if alias.asname else alias.name
        yield foreign, not plain, module, name, short


def statements(path):
    """Return a snippet's imports, and its other statements as texts."""
    source = path.read_text("utf-8")
    lines, imports, others = source.splitlines(), [], []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node):
            text = node.body[0]
            if text.end_lineno > text.lineno:
                lines[text.lineno - 1] += '"""'
                rest = range(text.lineno, text.end_lineno)
                lines[rest.start : rest.stop] = [None for _ in rest]
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports += names_of(node)
        elif not isinstance(node, ast.If | ast.Expr):
            above = getattr(node, "decorator_list", None) or [node]
            written = lines[above[0].lineno - 1 : node.end_lineno]
            others.append("\n".join(x for x in written if x is not None))
    return imports, others


def parts():
    """Return the imports in their order, and each program's parts.

    A part is when it is in, its text, whether it is a statement of its
    own, and the numbers of the imports that come with it.
    """
    needed, programs = {}, {}
    for program in ("search", "predict"):
        path = notebooks.ROOT / f"docs/your_data/{program}.py"
        programs[program], when, text, begun = [], "", [], False
        for line in [*path.read_text("utf-8").splitlines(), "#:"]:
            match = notebooks.IMPORT.fullmatch(line)
            if match or MARK.fullmatch(line):
                programs[program].append((when, "\n".join(text), 0, []))
                text = []
            if match:
                snippet = notebooks.snippet(match[1])
                imports, others = statements(snippet)
                for each in others:
                    programs[program].append((when, each, 1, imports))
            elif mark := MARK.fullmatch(line):
                when = mark[1]
            elif re.match("import |from ", line):
                needed |= dict.fromkeys(names_of(ast.parse(line).body[0]))
                text += [] if begun else ["#imports"]
                begun = True
            else:
                text.append(line)
    for each in programs.values():
        needed |= dict.fromkeys(name for part in each for name in part[3])
    order = sorted(needed, key=lambda name: (*name[:2], name[2].lower(), name))
    numbers = {name: number for number, name in enumerate(order)}
    for program, each in programs.items():
        programs[program] = [
            [*part[:3], [numbers[name] for name in part[3]]] for part in each
        ]
    return {"imports": order, **programs}


def script():
    """Return the parts as a script: from disk no page may fetch."""
    return f"const PARTS = {json.dumps(parts(), ensure_ascii=False)}\n"
