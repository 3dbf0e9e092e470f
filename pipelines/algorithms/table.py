"""The algorithms by name: those that are known here through and through, and those that are the service's only."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.algorithms.kmeans import KMEANS
from pipelines.algorithms.knn import KNN
from pipelines.algorithms.linear_learner import LINEAR_LEARNER
from pipelines.algorithms.model import Algorithm
from pipelines.algorithms.pca import PCA

ALGORITHMS: Mapping[str, Algorithm] = {algorithm.name: algorithm for algorithm in (LINEAR_LEARNER, KNN, KMEANS, PCA)}
# Repositories of the other built-in algorithms (AWS developer guide, "Docker registry paths and example code"), with what people call them.
ELSEWHERE: Mapping[str, str] = {
    "blazingtext": "BlazingText",
    "factorization-machines": "Factorization Machines",
    "forecasting-deepar": "DeepAR",
    "image-classification": "Image Classification",
    "ipinsights": "IP Insights",
    "lda": "LDA",
    "ntm": "NTM",
    "object-detection": "Object Detection",
    "object2vec": "Object2Vec",
    "randomcutforest": "Random Cut Forest",
    "semantic-segmentation": "Semantic Segmentation",
    "seq2seq": "Sequence-to-Sequence",
    "autogluon-training": "AutoGluon-Tabular",
}
