"""What all tests share: no example of Hypothesis has a deadline, since a busy machine is no failure."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("sagewright", deadline=None)
settings.load_profile("sagewright")
