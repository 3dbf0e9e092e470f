"""The program of a built-in algorithm's container, `train`: check the hyperparameters, read the channels, learn, print the metrics, save the model."""

from __future__ import annotations

import sys
import traceback
from importlib.metadata import version
from pathlib import Path

from pipelines.algorithms.kinds import CustomerError
from pipelines.algorithms.model import checked
from pipelines.algorithms.table import ALGORITHMS
from pipelines.local.images import paths
from pipelines.local.images.algorithms import artifact, data
from pipelines.local.images.algorithms.table import EQUIVALENTS


def main() -> int:
    """Train the algorithm that the argument names; a failure goes to `/opt/ml/output/failure`."""
    try:
        train(sys.argv[1], paths.base())
    except CustomerError as error:
        return _fail(f"ClientError: {error}")
    except Exception as error:  # noqa: BLE001  the job boundary: whatever a library raises becomes the job's FailureReason
        traceback.print_exc()
        return _fail(f"{type(error).__name__}: {error}")
    return 0


def _fail(text: str) -> int:
    print(text, file=sys.stderr)
    paths.write_failure(text)
    return 1


def train(name: str, base: Path) -> None:
    """Train one model and save it below `<base>/model`.

    Raises:
        CustomerError: a hyperparameter or a channel is wrong.
    """
    algorithm, equivalent = ALGORITHMS[name], EQUIVALENTS[name]
    print(f"{name}: a local equivalent with scikit-learn {version('scikit-learn')} ({equivalent.means}), not SageMaker's algorithm.")
    print("Numbers will differ from those of the service, and the model cannot be deployed to the service's image.")
    values = checked(algorithm, paths.config("hyperparameters.json"))
    channels = data.load(algorithm, base, paths.config("inputdataconfig.json"))
    width = channels["train"].features.shape[1]
    if values.get("feature_dim") not in (None, width):
        raise CustomerError(f"Hyperparameter feature_dim: got {values['feature_dim']}, expected {width}, the number of features in train.")
    for channel, rows in channels.items():
        unused = "" if rows.labels is None or algorithm.labelled else "; its labels are not used"
        print(f"{channel}: {len(rows.features)} rows, {rows.features.shape[1]} features{unused}")
    settings, arrays = equivalent.train(values, channels)
    artifact.save(base / "model", name, {**settings, "feature_dim": width}, arrays)


if __name__ == "__main__":
    sys.exit(main())
