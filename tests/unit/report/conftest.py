"""Definitions that the pictures are tried on."""

from __future__ import annotations

import graph_samples
import pytest

from pipelines.definition.model import Definition


@pytest.fixture
def hotel() -> Definition:
    """Return the shape that a configuration compiles to."""
    return graph_samples.hotel()


@pytest.fixture
def every_kind() -> Definition:
    """Return a definition with a ForEach, conditions inside conditions, triggers, an order-only dependency and a long name."""
    return graph_samples.every_kind()


@pytest.fixture
def large() -> Definition:
    """Return a definition of 100 steps."""
    return graph_samples.large()
