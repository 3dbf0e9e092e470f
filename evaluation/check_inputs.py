"""Check before training that the splits are what Preprocess left: the container that trains cannot."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Sequence

from jobkit import failure, seals
from jobkit.paths import processing


def main(argv: Sequence[str]) -> int:
    """Compare `train`, `validation` and `test` with `recipe/splits.json`; write `checked/inputs.json`, or fail naming the file and both hashes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", action="append", help="a split to check; may be given several times (default: all that are sealed)")
    asked = parser.parse_args(list(argv)).split
    sealed = seals.read(processing("recipe"))
    told = seals.demand({name: processing(name) for name in asked or sealed}, sealed)
    folder = processing("checked")
    folder.mkdir(parents=True, exist_ok=True)
    document = {"format": "sagewright.inputs", "version": 1, **told}
    (folder / "inputs.json").write_text(json.dumps(document, sort_keys=True, indent=1) + "\n", encoding="utf-8")
    print("inputs: {files} files, {size} bytes, as Preprocess left them; sha256 {sha256}".format(**told))
    return 0


if __name__ == "__main__":
    sys.exit(failure.run(main))
