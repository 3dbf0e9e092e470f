"""Judge a model by rows it has not seen: metrics with their intervals, by slice, calibration, the threshold, and against other models."""
