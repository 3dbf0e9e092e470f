"""The local equivalents by name, and how a model that one of them made is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy

from pipelines.algorithms.kinds import CustomerError
from pipelines.local.images.algorithms import artifact, kmeans, knn, linear_learner, pca
from pipelines.local.images.algorithms.data import Rows

Arrays = Mapping[str, Any]


@dataclass(frozen=True)
class Equivalent:
    """Hold what learns and what answers, and say in words by what means."""

    means: str
    train: Callable[[Mapping[str, Any], Mapping[str, Rows]], tuple[dict[str, Any], dict[str, Any]]]
    predict: Callable[[Mapping[str, Any], Arrays, Any], dict[str, Any]]


EQUIVALENTS: Mapping[str, Equivalent] = {
    "kmeans": Equivalent("MiniBatchKMeans, KMeans", kmeans.train, kmeans.predict),
    "knn": Equivalent("NearestNeighbors", knn.train, knn.predict),
    "linear-learner": Equivalent("its metrics; mini-batch gradient descent in NumPy", linear_learner.train, linear_learner.predict),
    "pca": Equivalent("PCA", pca.train, pca.predict),
}


@dataclass(frozen=True)
class Model:
    """Hold a model of a local equivalent."""

    algorithm: str
    settings: Mapping[str, Any]
    arrays: Arrays

    def predict(self, features: Any) -> dict[str, Any]:
        """Return the fields of the algorithm's response by name, a row or an entry for each row of the features, (rows, feature_dim).

        Raises:
            CustomerError: there are more or fewer features than the model was trained with.
        """
        table = numpy.atleast_2d(numpy.asarray(features, numpy.float32))
        if table.shape[1] != self.settings["feature_dim"]:
            raise CustomerError(f"{self.algorithm}: got {table.shape[1]} features, expected {self.settings['feature_dim']}")
        return EQUIVALENTS[self.algorithm].predict(self.settings, self.arrays, table)


def load(folder: Path) -> Model:
    """Return the model in a folder, the unpacked model.tar.gz.

    Raises:
        CustomerError: it is not a model of a local equivalent.
    """
    settings, arrays = artifact.read(folder)
    if settings["algorithm"] not in EQUIVALENTS:
        raise CustomerError(f"{folder}: the model is of the algorithm {settings['algorithm']!r}; expected one of {', '.join(EQUIVALENTS)}")
    return Model(settings["algorithm"], settings, arrays)
