"""What Keras Tuner makes public, and what the pages of reference run.

`names()` reads the package. As a program, this runs the code of the
pages it is given, each from top to bottom, and prints as JSON what is
still missing for each name, and which arguments were never given.
"""

import ast
import inspect
import json
import os
import pkgutil
import re
import sys
import tempfile
import textwrap
import threading
from collections import defaultdict
from pathlib import Path
from types import FunctionType, ModuleType

import keras_tuner as kt

VARIABLE = (
    inspect.Parameter.VAR_POSITIONAL,
    inspect.Parameter.VAR_KEYWORD,
)
LABELS = {"BaseTuner": "Tuner", "HyperParameters": "hp"}
FENCE = re.compile(r"(?ms)^```python\n(.*?)^```$")


def modules(module):
    """Yield a module and its public submodules."""
    yield module
    for found in pkgutil.iter_modules(getattr(module, "__path__", [])):
        if found.name != "src":
            yield from modules(getattr(module, found.name))


def exported():
    """Return each exported object with its paths, the shortest first."""
    paths = defaultdict(list)
    for module in modules(kt):
        for name, value in vars(module).items():
            if name[0] != "_" and not isinstance(value, ModuleType):
                path = f"{module.__name__}.{name}"
                paths[value].append(
                    path.replace("keras_tuner", "kt", 1)
                )
    order = {"key": lambda path: (path.count("."), path)}
    return {
        value: sorted(found, **order) for value, found in paths.items()
    }


EXPORTED = exported()
CLASSES = [value for value in EXPORTED if isinstance(value, type)]
ROOTS = {  # the most general exported class of each
    kind: [base for base in kind.__mro__ if base in CLASSES][-1]
    for kind in CLASSES
}
CONFIGURED = [
    kind
    for kind in CLASSES
    if ROOTS[kind].__name__ in ("BaseTuner", "Oracle")
]


def functions(attribute):
    """Return the plain functions behind a method, property or wrapper."""
    if isinstance(attribute, property):
        found = [attribute.fget, attribute.fset]
        return [function for function in found if function]
    function = inspect.unwrap(getattr(attribute, "__func__", attribute))
    if not isinstance(function, FunctionType):
        return []
    if function.__name__ == "wrapped_func":  # kt.synchronized hides it
        return [inspect.getclosurevars(function).nonlocals["func"]]
    return [function]


def named(function):
    """Return the parameters of a function that are given by name."""
    parameters = list(inspect.signature(function).parameters.values())
    return {
        each.name: each.default
        for each in parameters
        if each.kind not in VARIABLE
        and each.name not in ("self", "cls")
    }


def members(kind):
    """Yield name, defining class and value of what is public."""
    for name in dir(kind):
        home = next(c for c in kind.__mro__ if name in vars(c))
        if name[0] != "_" and home.__module__.startswith("keras_tuner"):
            yield name, home, vars(home)[name]


def attributes(kind):
    """Return what the constructor sets and nobody gave it."""
    if "__init__" not in vars(kind):
        return set()
    source = textwrap.dedent(inspect.getsource(kind.__init__))
    return {
        node.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and ast.unparse(node) == f"self.{node.attr}"
        and node.attr[0] != "_"
        and not hasattr(kind, node.attr)
        and node.attr not in named(kind.__init__)
    }


def names():
    """Return what must be run for each public name, by its heading.

    Each need is a kind and what it is about: an object `made` of a
    class, a function `called` for a class, an error `raised`, an
    argument `given` or an attribute `read`.
    """
    needs = defaultdict(list)
    arguments = {name for kind in CONFIGURED for name in named(kind)}
    for value, paths in EXPORTED.items():
        if not isinstance(value, type):
            needs[paths[0]] += [
                ("called", None, function)
                for function in functions(value)
            ]
    for kind in CLASSES:
        root, heading = ROOTS[kind], EXPORTED[kind][0]
        label = LABELS.get(root.__name__, root.__name__)
        if issubclass(kind, Exception):
            needs[heading].append(("raised", kind, None))
        elif (
            "__init__" in dir(kind)
            and kind.__init__ is not object.__init__
        ):
            needs[heading].append(("made", kind, None))
        for name, home, value in members(kind):
            owner = kind if home not in CLASSES else home
            where, found = f"{label}.{name}", functions(value)
            if not found:  # a constant
                needs[heading].append(("read", kind, name))
                continue
            if owner is not root and hasattr(root, name):
                inherited = functions(
                    inspect.getattr_static(root, name)
                )
                extra = (
                    named(found[0]).keys() - named(inherited[0]).keys()
                )
                # Other arguments make it a name of its own; else it is
                # part of what the class does.
                where = f"{kind.__name__}.{name}" if extra else heading
            if owner is kind:
                by = None if isinstance(value, staticmethod) else kind
                needs[where] += [("called", by, each) for each in found]
        if not issubclass(kind, kt.HyperModel):  # theirs are internals
            known = arguments if kind in CONFIGURED else set()
            for name in attributes(kind) - known:
                where = label if kind is root else kind.__name__
                needs[f"{where}.{name}"].append(("read", kind, name))
    for name in arguments:
        needs[name].append(("given", None, name))
    source = Path(kt.__file__).parent.rglob("*.py")
    text = "".join(path.read_text("utf-8") for path in source)
    for name in set(
        re.findall(r'environ[^\n]*"(KERASTUNER_\w+)"', text)
    ):
        needs[name].append(("set", None, name))
    return dict(needs)


class Run:
    """Trace Keras Tuner while the code of pages runs."""

    def __init__(self):
        self.functions, self.calls, self.given = {}, set(), set()
        self.seen = defaultdict(set)
        for value in EXPORTED:
            found = functions(value)
            if isinstance(value, type):
                found = functions(value.__init__)
                for _, _, member in members(value):
                    found += functions(member)
            for function in found:
                self.functions[id(function.__code__)] = function

    def __call__(self, frame, event, _):
        code = frame.f_code
        function = self.functions.get(id(code))
        if event != "call" or not (
            function or code.co_filename.startswith("reference/")
        ):
            return None
        values = frame.f_locals
        first = (
            values.get(code.co_varnames[0]) if code.co_argcount else 0
        )
        kind = first if isinstance(first, type) else type(first)
        kinds = [base for base in kind.__mro__ if base in CLASSES]
        self.calls |= {(id(code), base) for base in [None, *kinds]}
        self.calls |= {(code.co_name, base) for base in kinds}
        if code.co_name == "__init__" and kinds:
            self.seen["made"].add(kinds[0])
        if function:
            for name, default in named(function).items():
                if values.get(name, default) is not default:
                    self.given |= {(id(code), name)}
                    self.given |= {
                        (code.co_name, name, k) for k in kinds
                    }
        return self.raises

    def raises(self, frame, event, argument):
        if event == "exception":
            self.seen["raised"].add(argument[0])
        return self.raises

    def page(self, path):
        """Run the code of a page in a folder of its own."""
        space = {"__name__": "page"}
        codes = FENCE.findall(path.read_text("utf-8"))
        tree = ast.parse("\n".join(codes))
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                self.seen["read"].add(node.attr)
            if isinstance(node, ast.Constant):
                self.seen["set"].add(node.value)
        before = dict(os.environ)
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            threading.settrace(self)
            sys.settrace(self)
            for code in codes:
                exec(
                    compile(code, f"reference/{path.name}", "exec"),
                    space,
                )
            sys.settrace(None)
            threading.settrace(None)
            os.chdir("/")
        os.environ.clear()
        os.environ.update(before)

    def lacks(self, need, kind, what):
        """Whether a need of a name was not met."""
        if need == "called":
            code = what.__code__
            # What only raises NotImplementedError is there to override.
            abstract = code.co_names == ("NotImplementedError",)
            return (id(code), kind) not in self.calls and not (
                abstract and (code.co_name, kind) in self.calls
            )
        if need == "given":
            given = {("__init__", what, each) for each in CONFIGURED}
            return not given & self.given
        return (kind if need in ("made", "raised") else what) not in (
            self.seen[need]
        )

    def never_given(self, needs):
        """Return how many arguments may be left out, and which were."""
        found = {
            (function, kind)
            for wanted in needs.values()
            for need, kind, function in wanted
            if need == "called"
        } | {
            (function, kind)
            for kind in CLASSES
            if kind not in CONFIGURED
            for function in functions(kind.__init__)
        }
        optional = {
            (function, kind, name)
            for function, kind in found
            for name, default in named(function).items()
            if default is not inspect.Parameter.empty
        }
        never = {
            f"{function.__qualname__}({name}=)"
            for function, kind, name in optional
            if (id(function.__code__), name) not in self.given
            and (function.__name__, name, kind) not in self.given
        }
        return len(optional), sorted(never)


def told(need, kind, what):
    what = getattr(what, "__qualname__", what)
    return f"{what or kind.__name__} is not {need}"


if __name__ == "__main__":
    run, needs = Run(), names()
    for page in sys.argv[1:]:
        run.page(Path(page))
    optional, never = run.never_given(needs)
    found = {
        "missing": {
            heading: [
                told(*each) for each in wanted if run.lacks(*each)
            ]
            for heading, wanted in needs.items()
        },
        "optional": optional,
        "never given": never,
    }
    Path(os.environ["FOUND"]).write_text(json.dumps(found), "utf-8")
