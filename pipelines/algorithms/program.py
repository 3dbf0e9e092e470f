"""The name of a script that a framework's container runs."""

from __future__ import annotations

import re

ALLOWED = "letters, digits and . _ + - /"
PLAIN = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._+-]*(/[A-Za-z0-9._+-]+)*")


def is_program(name: str) -> bool:
    """Tell whether the containers take this as `sagemaker_program`: a plain path within the code (sagemaker-training toolkit 5.1.4)."""
    return PLAIN.fullmatch(name) is not None and not {".", ".."} & set(name.split("/"))
