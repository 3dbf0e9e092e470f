"""The rules: what each finds, why it matters, and what to do instead. The only table of them; the documentation and the command read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pipelines.errors import UsageError


@dataclass(frozen=True)
class Rule:
    """Hold a rule: its code, short name, severity (high, medium, low), message with {…} for what was found, and advice."""

    code: str
    name: str
    severity: str
    message: str
    advice: str
    why: str


def _rules(*rules: Rule) -> Mapping[str, Rule]:
    return {rule.code: rule for rule in rules}


RULES = _rules(
    Rule(
        "SW101",
        "fit-before-split",
        "high",
        "{what} learns from {rows} rows, which are split in line {line}",
        "Split first; fit on the training rows only and transform the others, or put it into a Pipeline with the model.",
        "What is learned from held-out rows (means, levels, components) reaches the training rows, so the score on held-out rows is too good.",
    ),
    Rule(
        "SW102",
        "fit-on-held-out-rows",
        "high",
        "{what} is fitted on {part} rows",
        "Use transform() with what was fitted on the training rows.",
        "Rows to judge a model by are prepared with their own statistics, as no row in production can be; equal values become different features.",
    ),
    Rule(
        "SW103",
        "levels-before-split",
        "medium",
        "{what} takes the levels of {rows} rows, which are split in line {line}",
        "Split first and fit a OneHotEncoder(handle_unknown='ignore') on the training rows.",
        "Columns appear for levels that only held-out rows have, and nothing is kept that encodes a row in production the same way.",
    ),
    Rule(
        "SW104",
        "levels-per-split",
        "high",
        "{what} takes the levels of {part} rows alone",
        "Fit one encoder on the training rows and use it for every split; or reindex the columns to those of training.",
        "Splits with other levels get other columns, or the same columns in another order, and the model reads the wrong ones.",
    ),
    Rule(
        "SW105",
        "statistic-before-split",
        "high",
        "{what} is taken over {rows} rows, which are split in line {line}",
        "Take it over the training rows and keep it for the others.",
        "An imputed or scaled value of a training row then depends on held-out rows.",
    ),
    Rule(
        "SW106",
        "resample-before-split",
        "high",
        "{what} resamples {rows} rows before they are split in line {line}",
        "Split first and resample the training rows only.",
        "Copies and blends of one row land on both sides of the split; the test repeats what was learned.",
    ),
    Rule(
        "SW107",
        "supervised-before-split",
        "high",
        "{what} looks at the label of {rows} rows, which are split in line {line}",
        "Split first, or put it into a Pipeline with the model, so that every fold fits its own.",
        "Features chosen or encoded by the label of held-out rows score well there even where there is nothing to learn.",
    ),
    Rule(
        "SW108",
        "label-statistic-before-split",
        "high",
        "{what} takes a statistic of the label {label} over {rows} rows, which are split in line {line}",
        "Take it over the training rows, cross-fitted (sklearn.preprocessing.TargetEncoder does).",
        "The label of each held-out row is written into its own feature.",
    ),
    Rule(
        "SW109",
        "duplicates-after-split",
        "medium",
        "copies are dropped from {part} rows alone, after the split",
        "Drop duplicates before the split.",
        "A row and its copy stay on both sides, and the test repeats what was learned.",
    ),
    Rule(
        "SW201",
        "unseeded-split",
        "medium",
        "{what} divides rows differently in every run",
        "Give it random_state, from a parameter.",
        "A run cannot be repeated, scores of two runs compare different test rows, and a second script that splits anew mixes training and test rows.",
    ),
    Rule(
        "SW202",
        "unseeded-shuffle",
        "medium",
        "{what} is random without a seed",
        "Give it random_state, or take numpy.random.default_rng(seed).",
        "A run cannot be repeated, and two runs cannot be compared.",
    ),
    Rule(
        "SW203",
        "hash-of-process",
        "medium",
        "hash() of text differs from process to process",
        "Use zlib.crc32 or hashlib on the encoded text.",
        "Python salts hash() in every process, so the same row is in training today and in the test tomorrow.",
    ),
    Rule(
        "SW301",
        "label-in-features",
        "high",
        "the features still hold the label {label}",
        "Drop the label from the features.",
        "The model is told the answer; its score means nothing.",
    ),
    Rule(
        "SW302",
        "feature-from-label",
        "high",
        "the feature {what} is made from the label {label}",
        "Drop it, or make it from what is known before the label is.",
        "The feature is the answer in other words, and is not there in production.",
    ),
    Rule(
        "SW401",
        "stopped-by-test-rows",
        "high",
        "training is stopped by the score on test rows",
        "Split off validation rows and stop by them.",
        "The number of rounds is fitted to the test rows, so their score is too good.",
    ),
    Rule(
        "SW402",
        "scored-on-learned-rows",
        "high",
        "{what} was fitted in line {line} on rows that it is scored on",
        "Fit on the training rows only; refit on all rows after the score is known.",
        "The model has seen these rows with their labels.",
    ),
    Rule(
        "SW501",
        "shuffled-time",
        "medium",
        "rows that stand in time are shuffled into the splits",
        "Split by time: shuffle=False, TimeSeriesSplit, or a date to cut at.",
        "The model learns from what came after the rows it is tested on.",
    ),
    Rule(
        "SW601",
        "fit-at-inference",
        "high",
        "{what} learns from the request in {function}",
        "Load in model_fn what was fitted on the training rows, and only transform here.",
        "Every request is prepared by its own statistics and levels; one row alone becomes a constant.",
    ),
    Rule(
        "SW602",
        "state-not-kept",
        "medium",
        "{what} is fitted in a processing job and written nowhere",
        "Write it beside the data (joblib.dump) and ship it with the model.",
        "The endpoint cannot prepare a row as training did.",
    ),
)


def chosen(select: Iterable[str], ignore: Iterable[str]) -> frozenset[str]:
    """Return the codes that begin with one of `select` (all when there is none) and with none of `ignore`.

    Raises:
        UsageError: one of them is the beginning of no code.
    """
    takes, leaves = tuple(map(str.upper, select)), tuple(map(str.upper, ignore))
    for flag, prefixes in (("--select", takes), ("--ignore", leaves)):
        for prefix in prefixes:
            if not any(code.startswith(prefix) for code in RULES):
                raise UsageError("there is no such rule", where=flag, got=prefix, expected="one of " + ", ".join(RULES) + ", or how some of them begin")
    return frozenset(code for code in RULES if code.startswith(takes or "SW") and not (leaves and code.startswith(leaves)))
