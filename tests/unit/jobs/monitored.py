"""What the tests of monitoring share: the published fixtures, and a monitoring job in a folder of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evaluation import monitor
from jobkit.monitor import rows

REFERENCE = Path(__file__).parents[4] / "shared/reference"
CHECKS = REFERENCE / "service_fixtures/pipeline/quality_check_step"
published = pytest.mark.skipif(not CHECKS.is_dir(), reason="the published fixtures are not here")


class Job:
    """Run the monitoring job with its own /opt/ml."""

    def __init__(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        self.root = root
        patch.setenv("SAGEMAKER_BASE_DIR", str(root))

    def put(self, name: str, content: str) -> str:
        """Write an input and return where the container sees it."""
        path = self.root / "processing" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        return f"/opt/ml/processing/{name}"

    def run(self, *argv: str) -> dict:
        """Run the job and return its summary."""
        assert monitor.main(argv) == 0
        return self.read("summary.json")

    def read(self, name: str, folder: str = "output") -> dict:
        """Return a file of an output folder; bare NaN and Infinity are refused."""

        def refuse(word: str) -> None:
            raise AssertionError(f"{name} holds a bare {word}")

        return json.loads((self.root / "processing" / folder / name).read_text(encoding="utf-8"), parse_constant=refuse)


def of_text(tmp_path: Path, text: str, header: bool = True) -> rows.Rows:
    """Return the rows of a CSV text."""
    path = tmp_path / "rows.csv"
    path.write_bytes(text.encode())
    return rows.rows(rows.read([path], {"csv": {"header": header}}))


def features(statistics: dict) -> dict:
    """Return a document's features by name."""
    return {feature["name"]: feature for feature in statistics["features"]}
