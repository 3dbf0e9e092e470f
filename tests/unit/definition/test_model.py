from __future__ import annotations

import copy
import json
import pickle
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.definition.checks import check
from pipelines.definition.dumping import dump, dumps
from pipelines.definition.graph import Graph
from pipelines.definition.model import Dependency, loads, parse
from pipelines.errors import DefinitionError

CASES = sorted((Path(__file__).parents[2] / "definitions").glob("*/definition.json"))
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9\-_]{0,20}", fullmatch=True)
SCALARS = st.one_of(st.text(max_size=20), st.integers(-1000, 1000), st.booleans(), st.none())
PATHS = st.sampled_from(
    ["Parameters.P", "Steps.A.ProcessingOutputConfig.Outputs['x'].S3Output.S3Uri", "Execution.PipelineName", "Steps.A.OutputParameters['k']"]
)
EXPRESSIONS = st.recursive(
    st.one_of(SCALARS, PATHS.map(lambda path: {"Get": path})),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"Std:Join": st.fixed_dictionaries({"On": st.text(max_size=2), "Values": st.lists(inner, max_size=3)})}),
        st.lists(inner, max_size=3),
        st.dictionaries(NAMES, inner, max_size=3),
    ),
    max_leaves=8,
)
PARAMETERS = st.fixed_dictionaries(
    {"Name": NAMES, "Type": st.sampled_from(["String", "Integer", "Float", "Boolean"])},
    optional={"DefaultValue": SCALARS, "EnumValues": st.lists(SCALARS, max_size=3), "Description": st.text(max_size=9)},
)
POLICIES = st.fixed_dictionaries(
    {"ExceptionType": st.one_of(st.text(min_size=1, max_size=9), st.lists(st.text(max_size=9), max_size=2))},
    optional={"IntervalSeconds": st.integers(1, 9), "MaxAttempts": st.integers(1, 9)},
)
COMMON = {
    "DisplayName": st.text(max_size=9),
    "Description": st.text(max_size=9),
    "DependsOn": st.lists(
        st.one_of(NAMES, st.fixed_dictionaries({"Step": NAMES, "Trigger": st.sampled_from(["Failed", "Stopped", "Any", "Completed"])})), max_size=3
    ),
    "PropertyFiles": st.lists(st.fixed_dictionaries({"PropertyFileName": NAMES, "OutputName": NAMES, "FilePath": NAMES}), max_size=2),
    "CacheConfig": st.fixed_dictionaries({"Enabled": st.booleans()}, optional={"ExpireAfter": st.text(max_size=5)}),
    "RetryPolicies": st.lists(POLICIES, max_size=2),
    "FunctionArn": st.text(max_size=9),
}
LEAVES = st.fixed_dictionaries(
    {
        "Name": NAMES,
        "Type": st.sampled_from(["Processing", "Training", "Lambda", "Tuning", "EMR"]),
        "Arguments": st.dictionaries(NAMES, EXPRESSIONS, max_size=3),
    },
    optional=COMMON,
)
STEPS = st.recursive(
    LEAVES,
    lambda inner: st.fixed_dictionaries(
        {
            "Name": NAMES,
            "Type": st.just("Condition"),
            "Arguments": st.fixed_dictionaries(
                {
                    "Conditions": st.lists(st.dictionaries(NAMES, EXPRESSIONS), max_size=2),
                    "IfSteps": st.lists(inner, max_size=2),
                    "ElseSteps": st.lists(inner, max_size=2),
                }
            ),
        }
    ),
    max_leaves=4,
)
DOCUMENTS = st.fixed_dictionaries(
    {"Version": st.just("2020-12-01"), "Steps": st.lists(STEPS, max_size=4)},
    optional={
        "Metadata": st.dictionaries(NAMES, st.text(max_size=5), max_size=2),
        "Parameters": st.lists(PARAMETERS, max_size=3),
        "MlflowConfig": st.none(),
        "Unknown": SCALARS,
    },
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(DOCUMENTS)
def test_what_is_parsed_is_dumped_as_it_was(document):
    definition = parse(copy.deepcopy(document))
    assert dump(definition) == document
    assert loads(dumps(definition)) == definition


@pytest.mark.slow
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(DOCUMENTS)
def test_an_order_never_puts_a_step_before_what_it_waits_for(document):
    try:
        graph = Graph.of(parse(document))
    except DefinitionError:
        return
    place = {name: index for index, name in enumerate(graph.order)}
    assert set(place) == set(graph.nodes)
    assert all(place[dependency.step] < place[name] for name, node in graph.nodes.items() for dependency in node.dependencies)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.parent.name)
def test_every_case_is_dumped_as_it_was(case):
    document = json.loads(case.read_text())
    assert dump(parse(document)) == document


JUNK = [
    None,
    True,
    -1,
    1e308,
    "",
    "x" * 2000,
    [],
    {},
    {"Get": 3},
    {"Get": "Steps"},
    {"Get": "Steps..x"},
    {"Std:Join": []},
    {"Std:JsonGet": {"Path": "$..*"}},
    [[[[]]]],
    {"Get": "Parameters.Nope"},
]


def mutated(value, dice: random.Random):
    """Return a copy with one place replaced, removed, renamed or doubled."""
    value = pickle.loads(pickle.dumps(value))  # a quarter of the time of deepcopy
    places, open_ = [], [value]
    while open_:
        holder = open_.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else []
        for key in keys:
            places.append((holder, key))
            open_.append(holder[key])
    holder, key = dice.choice(places)
    action = dice.randrange(4)
    if action == 0:
        holder[key] = dice.choice(JUNK)
    elif action == 1:
        del holder[key]
    elif isinstance(holder, dict):
        holder[f"{key}x"] = holder.pop(key)
    else:
        holder.append(copy.deepcopy(holder[key]))
    return value


@pytest.mark.slow
def test_5000_mutated_definitions_raise_only_our_errors():
    dice = random.Random(0)
    originals = [json.loads(case.read_text()) for case in CASES]
    found = 0
    for _ in range(5000):
        document = dice.choice(originals)
        for _ in range(dice.randrange(1, 4)):
            document = mutated(document, dice) if document else document
        problems = check(document)
        found += bool([problem for problem in problems if problem.severity == "error"])
        try:
            Graph.of(parse(document))
        except DefinitionError as error:
            assert error.problems
    assert found > 2000


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (None, "expected an object"),
        ({"Steps": 3}, "expected a list of steps"),
        ({"Steps": [{"Name": 3, "Type": "Fail"}]}, "expected a name"),
        ({"Steps": [{"Name": "A", "Type": "Fail", "DependsOn": [{"Step": "B", "Trigger": "Later"}]}]}, "no such trigger"),
        ({"Steps": [], "Parameters": [{"Name": "P", "Type": "Number"}]}, "no such parameter type"),
    ],
)
def test_a_wrong_structure_is_named_with_its_place(document, words):
    with pytest.raises(DefinitionError, match=words):
        parse(document)


def test_all_structural_problems_come_at_once():
    with pytest.raises(DefinitionError) as caught:
        parse({"Steps": [{"Name": 1, "Type": 2}, 3], "Parameters": 4})
    assert {problem.path for problem in caught.value.problems} == {"$.Parameters", "$.Steps[0].Name", "$.Steps[0].Type", "$.Steps[1]"}


def test_triggers_are_kept():
    step = {"Name": "A", "Type": "Fail", "Arguments": {}, "DependsOn": ["B", {"Step": "C", "Trigger": "Failed"}]}
    assert parse({"Steps": [step]}).steps[0].depends_on == (Dependency("B"), Dependency("C", "Failed"))
