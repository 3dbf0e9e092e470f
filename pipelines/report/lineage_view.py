"""Where a version of a model comes from (pure): a tree in words, and the steps and objects as a picture has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipelines.report.graph_view import Edge, Vertex, View
from pipelines.report.words import clean

Document = Mapping[str, Any]
Tree = tuple[str, Sequence["Tree"]]
HASH_CHARACTERS = 12


def text(traced: Document, *, unicode: bool = True) -> str:
    """Return the tree from the version down to the data that no step made; what was told once is only named again."""
    shown: set[str] = set()
    parts: list[Tree] = [_object(uri, traced, shown, "model ") for uri in (each["uri"] for each in traced["models"])]
    parts += [_object(uri, traced, shown, f"{name} ") for name, uri in traced["metrics"].items()]
    parts += [_object(uri, traced, shown, f"baseline {name} ") for name, uri in traced.get("baselines", {}).items()]
    parts += [(line, ()) for line in _run(traced)]
    return "\n".join(_lines((clean(traced["model_package_arn"]), parts), "", "", unicode))


def _lines(tree: Tree, first: str, rest: str, unicode: bool) -> Iterator[str]:
    words, below = tree
    yield first + words
    for place, each in enumerate(below):
        last = place == len(below) - 1
        fork, line = (("└─ ", "   ") if last else ("├─ ", "│  ")) if unicode else (("`- ", "   ") if last else ("|- ", "|  "))
        yield from _lines(each, rest + fork, rest + line, unicode)


def _object(uri: str, traced: Document, shown: set[str], name: str = "") -> Tree:
    found = traced["objects"][uri]
    parameter = traced["names"].get(uri)
    words = f"{name}{uri}{f' (parameter {parameter})' if parameter else ''}  sha256 {(found['sha256'] or 'gone')[:HASH_CHARACTERS]}, {found['bytes']:,} bytes"
    return clean(words), [_step(found["made_by"], traced, shown)] if found["made_by"] else []


def _step(name: str, traced: Document, shown: set[str]) -> Tree:
    own = traced["steps"][name]
    head = clean(f"by {name} ({own['type']}) {own.get('job', '')}")
    if name in shown:
        return f"{head}, see above", ()
    shown.add(name)
    facts = [clean(f"{kind}: {value}") for kind, value in _facts(own)]
    return head, [*((fact, ()) for fact in facts), *(_object(uri, traced, shown, f"{key} ") for key, uri in own.get("inputs", {}).items())]


def _facts(own: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if own.get("reused_from"):
        yield "result of run", own["reused_from"]
    if own.get("image"):
        yield "image", f"{own['image']} on {own.get('instances', 1)} x {own.get('instance_type', '')}"
    if own.get("code"):
        yield "code", f"{own['code']['uri']}  sha256 {(own['code']['sha256'] or 'gone')[:HASH_CHARACTERS]}"
    search = own.get("search")
    if search:
        yield "best of", f"{search['of']} trainings: {search['objective']} {search['value']} with {_pairs(search['tuned'])}"
    if own.get("hyperparameters"):
        yield "hyperparameters", _pairs(own["hyperparameters"])
    if own.get("arguments"):
        yield "arguments", own["arguments"]
    yield from ((f"query {name}", query) for name, query in own.get("queries", {}).items())


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())


def _run(traced: Document) -> Iterator[str]:
    execution, git = traced["execution"], traced["git"]
    if execution:
        yield clean(
            f"execution {execution['execution_arn']} of {execution['started_at']}, definition sha256 {execution['definition_sha256'][:HASH_CHARACTERS]}"
        )
    if traced["parameters"]:
        yield clean(f"parameters: {_pairs(traced['parameters'])}", 1000)
    if git:
        yield clean(f"git commit {git['commit']} on {git['branch']}{', with changes that are not committed' if git['dirty'] else ''}")
    if traced.get("imported"):
        yield clean(f"imported from {traced['imported']['archive']}, sha256 {traced['imported']['sha256'][:HASH_CHARACTERS]}")
    if traced.get("problem"):
        yield clean(f"not known further: {traced['problem']}")


def picture(traced: Document) -> View:
    """Return objects and steps as vertices, what is read and what is made as edges."""
    vertices = {**{f"object {uri}": _thing(uri, traced) for uri in traced["objects"]}, **{f"step {name}": _work(name, traced) for name in traced["steps"]}}
    package = f"package {traced['model_package_arn']}"
    vertices[package] = _vertex(package, "/".join(traced["model_package_arn"].rsplit("/", 2)[1:]), "RegisterModel", ())
    ends = [each["uri"] for each in traced["models"]] + list(traced["metrics"].values()) + list(traced.get("baselines", {}).values())
    edges = [Edge(f"object {uri}", package, "data") for uri in dict.fromkeys(ends)]
    edges += [Edge(f"step {each['made_by']}", f"object {uri}", "data") for uri, each in traced["objects"].items() if each["made_by"]]
    read = {(uri, name): None for name, own in traced["steps"].items() for uri in own.get("inputs", {}).values() if uri in traced["objects"]}
    edges += [Edge(f"object {uri}", f"step {name}", "data") for uri, name in read]
    return View(_sorted(vertices, edges), tuple(edges))


def _sorted(vertices: Mapping[str, Vertex], edges: Sequence[Edge]) -> dict[str, Vertex]:
    """Return the vertices so that each follows what leads to it."""
    order: dict[str, Vertex] = {}
    before: dict[str, list[str]] = {}
    for edge in edges:
        before.setdefault(edge.target, []).append(edge.source)
    left = list(vertices)
    while left:
        ready = [name for name in left if all(source in order for source in before.get(name, ()))] or left[:1]
        order.update({name: vertices[name] for name in ready})
        left = [name for name in left if name not in order]
    return order


def _thing(uri: str, traced: Document) -> Vertex:
    found = traced["objects"][uri]
    name = traced["names"].get(uri) or "/".join(uri.rstrip("/").rsplit("/", 2)[-2:])
    return _vertex(f"object {uri}", name, "Data" if found["made_by"] is None else "Object", (f"sha256 {(found['sha256'] or 'gone')[:HASH_CHARACTERS]}",))


def _work(name: str, traced: Document) -> Vertex:
    own = traced["steps"][name]
    code = own.get("code")
    search = own.get("search")
    marks = [f"code {(code['sha256'] or 'gone')[:HASH_CHARACTERS]}"] if code else []
    marks += [f"best of {search['of']} trainings"] if search else []
    return _vertex(f"step {name}", name, own["type"], tuple(marks))


def _vertex(name: str, title: str, kind: str, marks: tuple[str, ...]) -> Vertex:
    return Vertex(name=clean(name, 1024), title=clean(title), type=clean(kind), description="", status="", branch=None, conditions=(), marks=marks, facts=())
