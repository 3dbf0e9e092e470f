"""The boundary of a job: run its `main`, and say in one file why it failed."""

from __future__ import annotations

import sys
import traceback
from typing import Callable, Optional, Sequence

from jobkit.paths import ml_root

MESSAGE_BYTES = 1024


class JobError(Exception):
    """Carry a failure that the user can mend: what is wrong, where, and what to do."""


def run(main: Callable[[Sequence[str]], int], argv: Optional[Sequence[str]] = None, file: str = "message") -> int:
    """Return the job's exit code; a failure is printed and written to `/opt/ml/output/<file>` (at most 1 KB of UTF-8).

    `file` is `message` in a processing job and `failure` in a training job.
    """
    try:
        return main(sys.argv[1:] if argv is None else argv)
    except JobError as error:
        text = str(error)
    except Exception as error:  # the job boundary: the traceback goes to the log, its last line to the file
        traceback.print_exc()
        text = "{}: {}".format(type(error).__name__, error)
    print(text, file=sys.stderr)
    folder = ml_root() / "output"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file).write_bytes(text.encode("utf-8", "replace")[:MESSAGE_BYTES].decode("utf-8", "ignore").encode("utf-8"))
    return 1
