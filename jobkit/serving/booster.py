"""Ask XGBoost's booster: a few rows at once by the shortest way that gives the same bits, many on all cores."""

from __future__ import annotations

import ctypes
import json
import math
import os
import threading
import weakref
from typing import Any, Callable, Optional, Tuple

import numpy as np

# With fewer rows than this, more threads cost more than they bring.
WIDE = 2048
Predict = Callable[[np.ndarray], np.ndarray]


class Model:
    """Hold a booster; answers are float32 of shape (rows,), or (rows, classes)."""

    def __init__(self, content: bytes) -> None:
        self.content, self._lock = content, threading.Lock()
        self.narrow = _loaded(content, 1)
        self.features = int(self.narrow.num_features())
        self._wide: Optional[Any] = None
        self._few, self._many = _quickest(self.narrow, self.features)

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Return the answers for features, float32 of shape (rows, features)."""
        if len(features) < WIDE:
            with self._lock:
                return self._few(features)
        return self._many(self.wide)(features)

    @property
    def wide(self) -> Any:
        """Return the booster that uses all cores, OMP_NUM_THREADS at most."""
        if self._wide is None:
            self._wide = _loaded(self.content, int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1))
        return self._wide

    def contributions(self, features: np.ndarray) -> np.ndarray:
        """Return SHAP values before the link function, float32 of shape (rows, features + 1) or (rows, classes, features + 1), the base value last."""
        import xgboost

        booster = self.narrow if len(features) < WIDE else self.wide
        with self._lock:
            return booster.predict(xgboost.DMatrix(features), pred_contribs=True, validate_features=False)


def _loaded(content: bytes, threads: int) -> Any:
    import xgboost

    booster = xgboost.Booster({"nthread": threads})
    booster.load_model(bytearray(content))
    return booster


def matrix(booster: Any) -> Predict:
    """Return `Booster.predict`, which every booster can do."""
    import xgboost

    return lambda features: booster.predict(xgboost.DMatrix(features), validate_features=False)


def in_place(booster: Any) -> Predict:
    """Return `Booster.inplace_predict`, which makes no matrix first; boosters of linear models cannot do it."""
    return lambda features: booster.inplace_predict(features, validate_features=False)


def straight(booster: Any) -> Predict:
    """Return what `inplace_predict` asks XGBoost's library, without the checks around it: `XGBoosterPredictFromDense` of its C API.

    One proxy of a matrix serves every call: XGBoost would make one for each, and look up the limits of the control group for it, which takes as long as
    answering a row.
    """
    from xgboost.core import _LIB, _check_call

    asked = {"type": 0, "training": False, "iteration_begin": 0, "iteration_end": 0, "missing": math.nan, "strict_shape": False, "cache_id": 0}
    config, call = json.dumps(asked).encode(), _LIB.XGBoosterPredictFromDense
    told = '{{"data": [{}, true], "strides": null, "descr": [["", "<f4"]], "typestr": "<f4", "shape": [{}, {}], "version": 3}}'
    proxy = ctypes.c_void_p()
    _check_call(_LIB.XGProxyDMatrixCreate(ctypes.byref(proxy)))
    sizes, dimensions, answers = ctypes.POINTER(ctypes.c_uint64)(), ctypes.c_uint64(), ctypes.POINTER(ctypes.c_float)()
    given = (proxy, ctypes.byref(sizes), ctypes.byref(dimensions), ctypes.byref(answers))

    def ask(features: np.ndarray) -> np.ndarray:
        features = np.ascontiguousarray(features, dtype=np.float32)
        rows, columns = features.shape
        _check_call(call(booster.handle, told.format(features.ctypes.data, rows, columns).encode(), config, *given))
        shape = tuple(sizes[place] for place in range(dimensions.value))
        count = rows if len(shape) == 1 else shape[0] * shape[1]
        return np.array(answers[:count], dtype=np.float32).reshape(shape)

    weakref.finalize(ask, _LIB.XGDMatrixFree, proxy)
    return ask


def _quickest(booster: Any, features: int) -> Tuple[Predict, Callable[[Any], Predict]]:
    """Return the quickest ways for few and for many rows that this XGBoost has and that answer some trial rows as `Booster.predict` does, bit by bit."""
    import xgboost

    sure = matrix(booster)
    if json.loads(booster.save_config())["learner"]["gradient_booster"]["name"] != "gbtree":
        return sure, matrix  # a dart's trees are added up in another order in place
    trial = np.concatenate([np.zeros((1, features)), np.full((1, features), np.nan), np.random.default_rng(0).normal(0, 100, (14, features))])
    trial = trial.astype(np.float32)
    expected = sure(trial)
    for way in (straight, in_place):
        try:
            quick = way(booster)
            if np.array_equal(quick(trial).view(np.int32), expected.view(np.int32)):
                return quick, in_place
        except (ImportError, AttributeError, TypeError, ValueError, ctypes.ArgumentError, xgboost.core.XGBoostError):
            continue
    return sure, matrix
