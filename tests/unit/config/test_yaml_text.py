"""YAML that is damaged, hostile or surprising is refused in one sentence with a line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.config.yaml_text import NODES, read, scalar
from pipelines.errors import ConfigError


def refusal(tmp_path, body: str | bytes, name: str = "p.yaml") -> str:
    (tmp_path / name).write_bytes(body.encode() if isinstance(body, str) else body)
    with pytest.raises(ConfigError) as caught:
        read(tmp_path / name)
    return str(caught.value).replace(f"{tmp_path}/", "")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("a: !!int foo", "p.yaml:1: a: 'foo' cannot be read as YAML's int"),
        ("a: !!bool maybe", "cannot be read as YAML's bool"),
        ("a: !!timestamp x", "cannot be read as YAML's timestamp"),
        ("a: 2015-13-45", "'2015-13-45' cannot be read as YAML's timestamp. Put it in quotes"),
        ("a: !!python/name:os.system x", "cannot be read as"),
        ("a: [&b {c: 1}, *c]", "found undefined alias 'c'"),
        ("a: 1\n---\nb: 2", "p.yaml:2: this is not YAML: expected a single document"),
        ('a: 1\nb: "\0"', "p.yaml:2: this is not YAML: unacceptable character #x0000"),
        ("[a]: 1", "a key must be plain text"),
        ("? \n: 1", "a key must be plain text"),
        ("a: " + "[" * 3000, "nested deeper than 40 levels"),
        ("a: [" + "x, " * NODES + "]", f"grows beyond {NODES} values"),
        ("a: &a [*a]", "grows beyond"),
        ("# nothing", "an empty file"),
    ],
)
def test_yaml_that_cannot_be_a_configuration_is_refused(tmp_path, body, words):
    assert words in refusal(tmp_path, body)


def test_an_integer_of_5000_digits_is_no_number_to_work_with(tmp_path):
    (tmp_path / "p.yaml").write_text("a: " + "9" * 5000)
    try:
        assert isinstance(read(tmp_path / "p.yaml").values["a"], int)  # Pythons from before the limit on digits
    except ConfigError as error:
        assert "cannot be read as YAML's int" in str(error)


def test_every_key_that_stands_twice_is_named_at_once(tmp_path):
    told = refusal(tmp_path, "a: 1\na: 2\nb: {c: 1, c: 2}\n")
    assert "2 problems" in told and "p.yaml:2: the key 'a'" in told and "p.yaml:3: the key 'c'" in told


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ConfigError, match="this is not a file"):
        read(tmp_path)


def test_a_file_of_comments_is_an_empty_profile_only_where_that_is_allowed(tmp_path):
    (tmp_path / "local.yaml").write_text("# nothing yet\n")
    assert read(tmp_path / "local.yaml", may_be_empty=True).values == {}


def test_json_is_read_with_tabs_and_characters_in_two_parts(tmp_path):
    (tmp_path / "p.json").write_text('{\n\t"a": "\\ud83d\\ude00",\n\t"b": 1\n}')
    document = read(tmp_path / "p.json")
    assert document.values == {"a": "\U0001f600", "b": 1} and document.lines["b"] == 3


def test_half_a_character_is_refused(tmp_path):
    assert "cannot be read" in refusal(tmp_path, '{"a": "\\ud83d"}', "p.json")


def test_aliases_of_ordinary_size_are_followed(tmp_path):
    (tmp_path / "p.yaml").write_text("a: &x [1, 2]\nb: *x\n")
    assert read(tmp_path / "p.yaml").values == {"a": [1, 2], "b": [1, 2]}


@pytest.mark.parametrize(
    ("text", "value"), [("50", 50), ("0.5", 0.5), ("true", True), ("[a, b]", ["a", "b"]), ("", ""), ("a: b: c", "a: b: c"), ("s3://b/k", "s3://b/k")]
)
def test_a_flag_is_typed_as_yaml_types_it(text, value):
    assert scalar(text) == value


def test_a_bomb_in_a_flag_is_refused():
    with pytest.raises(ConfigError, match="grows beyond"):
        scalar("&a [*a, *a]", "--set x")


@given(st.text(alphabet="ab:-[]{}&*!|>'\"#%@`,?\n \t0123", max_size=60))
def test_any_text_is_read_or_refused_in_our_words(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(text)
    try:
        assert isinstance(read(path).values, dict)
    except ConfigError as error:
        assert "any.yaml" in str(error)
