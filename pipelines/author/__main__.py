"""Compile one configuration in a process of its own: request as JSON on stdin, definition on stdout."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main() -> int:
    """Print the definition; a ConfigError is printed as JSON, with its exit code."""
    from pipelines.author.compile import compile_pipeline
    from pipelines.config.model import PipelineConfig
    from pipelines.errors import ConfigError

    request = json.load(sys.stdin)
    try:
        compiled = compile_pipeline(PipelineConfig(**request["config"]), Path(request["root"]))
    except ConfigError as error:
        parts = {"what": error.what, "where": error.where, "got": error.got, "expected": error.expected, "hint": error.hint}
        print(json.dumps(parts))
        return error.exit_code
    sys.stdout.write(compiled.definition_json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
