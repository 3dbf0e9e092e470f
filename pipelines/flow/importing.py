"""Walk through a flow and collect what its nodes become, node by node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pipelines.config.problems import nearest
from pipelines.config.recipe import COMBINING
from pipelines.errors import UsageError
from pipelines.flow import charts, follow
from pipelines.flow.columns import kinds_of
from pipelines.flow.document import Flow, Node
from pipelines.flow.fitting import fit
from pipelines.flow.line import TRANSFORMS, main_line, side_inputs
from pipelines.flow.table import TRANSLATORS
from pipelines.flow.translation import Made, Scene, Step, Untranslated, member

TRANSLATED, PARTLY, NOT = "translated", "partly", "not translated"


@dataclass(frozen=True)
class Outcome:
    """Hold what became of one node: its status, what it became, what was lost of it and what is worth knowing."""

    node: Node
    status: str
    to: str = ""
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass
class Imported:
    """Hold the parts of the pipeline while nodes are added; `columns` are those after the last step, None while unknown."""

    flow: Flow
    label: str
    data: dict[str, Any] = field(default_factory=dict)
    others: dict[str, Any] = field(default_factory=dict)
    steps: list[tuple[Node | None, Step]] = field(default_factory=list)
    profile: dict[str, Any] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    code: dict[str, str] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    columns: dict[str, str] | None = None
    open: list[str] = field(default_factory=list)
    leaking: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Tell whether every node was translated whole."""
        return all(outcome.status == TRANSLATED for outcome in self.outcomes)


def import_nodes(flow: Flow, target: str | None, refit: bool, allow_code: bool) -> Imported:
    """Return what the nodes of a flow become.

    Raises:
        UsageError: the label is not given, and the flow names none.
    """
    label = target or charts.label_of(flow)
    if label is None:
        raise UsageError("the flow does not tell which column to predict", where=flow.file, hint="Name it: --target COLUMN.")
    _check_label(flow, label, "--target" if target else flow.file)
    made, walk = Imported(flow, label), _Walk(flow, Scene(refit, allow_code, label))
    for node in flow.nodes:
        made.outcomes.append(walk.visit(node, made))
    _finish(made)
    return made


def _check_label(flow: Flow, label: str, where: str) -> None:
    """Raise a UsageError when the flow knows the columns of its sources, and the label is none of them."""
    schemas = [node.trained.get("schema") for node in flow.nodes]
    known = [name for schema in schemas if isinstance(schema, Mapping) for name in schema]
    if known and label not in known:
        raise UsageError("the flow's sources have no such column to predict", where=where, got=repr(label), hint=nearest(label, known).strip() or HINT)


HINT = "Name a column of the raw rows: --target COLUMN."


class _Walk:
    """Know for every node on the line which columns come into it."""

    def __init__(self, flow: Flow, scene: Scene) -> None:
        line = main_line(flow)
        self.scene, self.line, self.sides = scene, {node.id for node in line}, side_inputs(flow, line)
        self.used: dict[str, str] = {}
        self.seen: dict[str, tuple[dict[str, str] | None, bool]] = {}
        for key, chains in self.sides.items():
            for chain in chains:
                if _plain(chain):
                    self.used.update((node.id, key) for node in chain if node.id not in self.line)

    def visit(self, node: Node, made: Imported) -> Outcome:
        """Add a node to what is made; return what became of it."""
        if node.id in self.used:
            return self._side(node, made)
        try:
            return self._translate(node, made)
        except Untranslated as error:
            self._note(node, made)
            return Outcome(node, NOT, lost=(str(error),))

    def _note(self, node: Node, made: Imported) -> None:
        """Remember what comes out of a node of the line."""
        if node.id in self.line:
            raw = all(step.step["step"] == "cast" for _, step in made.steps)
            self.seen[node.id] = made.columns, raw
            self.scene = replace(self.scene, raw_columns=made.columns) if raw else self.scene

    def _side(self, node: Node, made: Imported) -> Outcome:
        """Take the source of another input into data.others; its types are cast after the join."""
        if node.inputs:
            return Outcome(node, TRANSLATED, "cast after the join")
        try:
            found = _translator(node)(node, self.scene)
        except Untranslated as error:
            return Outcome(node, NOT, lost=(str(error),))
        if "input" not in found.data:
            return Outcome(node, NOT, lost=("only files can be joined",))
        name = _other_name(node, self.used)
        made.others[name] = dict(found.data)
        return Outcome(node, PARTLY if found.lost else TRANSLATED, f"data.others.{name}", found.lost)

    def _translate(self, node: Node, made: Imported) -> Outcome:
        on_line, source = node.id in self.line, next(iter(node.inputs), None)
        if node.type in TRANSFORMS and not on_line:
            raise Untranslated("it is on another branch of the flow; a recipe is one line")
        if source is not None and source not in self.seen:
            raise Untranslated("it looks at another branch of the flow" if node.type not in ("DESTINATION",) else "it writes another branch of the flow")
        known, raw = self.seen[source] if source is not None else (None, True)
        scene = replace(self.scene, columns=known, raw=raw, others=tuple(self._others(node)))
        outcome = _add(node, scene, _translator(node)(node, scene), made)
        self._note(node, made)
        return outcome

    def _others(self, node: Node) -> Any:
        for chain in self.sides.get(node.id, ()):
            if _plain(chain):
                schema = next((member(step.trained, "schema") for step in chain[1:]), {})
                yield _other_name(chain[0], self.used), chain[0], kinds_of(schema)


def _plain(chain: list[Node]) -> bool:
    """Tell whether an input is a source with nothing but its types after it."""
    return bool(chain) and chain[0].type in ("SOURCE",) and [node.short_operator for node in chain[1:]] in ([], ["infer_and_cast_type"])


def _other_name(node: Node, used: Mapping[str, str]) -> str:
    return f"input_{[key for key in used].index(node.id) + 2}" if node.id in used else "input_2"


def _translator(node: Node) -> Any:
    found = TRANSLATORS.get((node.operator, node.kind)) or TRANSLATORS.get((node.operator, ""))
    if found is None:
        raise Untranslated(f"the operator {node.operator}{f' ({node.kind})' if node.kind else ''} has no equivalent")
    return found


def _add(node: Node, scene: Scene, found: Made, made: Imported) -> Outcome:
    """Add what a translator made; return the node's outcome."""
    lost, places = list(found.lost), []
    for step in found.steps:
        now = replace(scene, columns=made.columns, open=tuple(made.open))
        fitted, left_out = fit(step, now, [other.step for _, other in made.steps])
        lost += left_out
        if fitted is not None:
            places.append(_place(node, fitted, now, made))
    if found.steps and not places:
        return Outcome(node, NOT, lost=tuple(lost) or ("nothing is left of it",))
    _add_sections(found, made)
    names = ", ".join(places) or found.to or ", ".join(f"data.{key}" for key in found.data)
    return Outcome(node, PARTLY if lost else TRANSLATED, names, tuple(lost), found.notes)


def _place(node: Node, step: Step, scene: Scene, made: Imported) -> str:
    """Put a step where it belongs: inputs are combined at the front, anything else comes last."""
    name = str(step.step["step"])
    front = sum(other.step["step"] in COMBINING for _, other in made.steps)
    made.steps.insert(front if name in COMBINING else len(made.steps), (node, step))
    schema = node.trained.get("schema")
    if name in COMBINING:
        made.columns = follow.combined(step.step, made.columns, scene.others[0][2])
    elif made.columns is None and name == "cast" and isinstance(schema, Mapping):
        made.columns = kinds_of(schema)  # with the label, which the step itself leaves alone
    elif made.columns is not None:
        made.columns = follow.after({**step.step, **step.hint}, made.columns)
        levels = step.hint.get("fitted", {})
        made.open += [f"{column}_" for column in step.step["columns"] if column not in levels] if name == "one_hot" else []
    return name


def _add_sections(found: Made, made: Imported) -> None:
    made.data.update(found.data)
    made.remarks += found.remarks
    made.code.update(found.code)
    for key, value in found.profile:
        if key in ("histograms", "scatters"):
            made.profile.setdefault(key, []).append(value)
        elif key == "correlation" and made.profile.get(key, value) != value:
            made.profile[key] = "both"
        else:
            made.profile[key] = value


def _finish(made: Imported) -> None:
    """Warn of leaks, and drop the columns that XGBoost cannot take so that the pipeline runs as it is."""
    names = list(made.columns or ())
    made.leaking = charts.leaks(made.flow, names)
    for name in made.leaking:
        made.warnings.append(f"LEAK: the flow keeps {name!r}, of which its own report warned: it gives the label away. Drop it, unless it is known beforehand.")
    if made.columns is None:
        made.warnings.append(
            "The flow holds no types, so it cannot be told which text columns are left; encode or drop them, or Preprocess stops and names them."
        )
        return
    left = [name for name, kind in made.columns.items() if kind in ("text", "date") and name != made.label]
    if not left:
        return
    reasons = {name: f"{made.columns[name]}{'; the flow warned that it leaks' if name in made.leaking else ''}" for name in left}
    made.steps.append((None, Step({"step": "drop_columns", "columns": left}, "not in the flow: XGBoost takes numbers only", reasons)))
    made.warnings.append(f"Dropped at the end, which the flow did not do: {', '.join(left)}. They hold text or dates, which XGBoost cannot take.")
