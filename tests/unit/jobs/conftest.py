"""Import the job scripts as they are shipped: beside `jobkit`, which is found from the root of the checkout."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))
