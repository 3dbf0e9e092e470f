from collections import namedtuple

Param = namedtuple("Param", "key value")


class Metric:
    def __init__(self, key, value, timestamp, step):
        self.key, self.value, self.timestamp, self.step = key, value, timestamp, step
