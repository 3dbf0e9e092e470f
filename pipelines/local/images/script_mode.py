"""The program of the framework containers in script mode, `train`: unpack the code, set SM_*, run the user's script.

Arguments, environment, exit code, failure and success files are those of the sagemaker-training toolkit (5.1.4, observed with `capture_error`, which
the XGBoost and the scikit-learn containers turn on; a test compares).
"""

from __future__ import annotations

import builtins
import os
import shlex
import subprocess
import sys
import tarfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from pipelines.algorithms.kinds import CustomerError
from pipelines.algorithms.program import ALLOWED, is_program
from pipelines.local.images import paths, training_environment

ARCHIVE = "sourcedir.tar.gz"
FAILED, OUT_OF_MEMORY = 1, 137
# A line of output that holds one of these begins the error message.
ERRORS = (
    *("BaseException", "Exception", *(name for name in dir(builtins) if name.endswith("Error"))),
    *("Invalid requirement", "ResourceExhaustedError", "OutOfRangeError", "InvalidArgumentError", "mpirun.real", "ORTE", "ExecuteUserScriptError"),
)
LONGEST_MESSAGE = 65_536


def main() -> int:
    """Run the script; a failure goes to `/opt/ml/output/failure`, a success leaves the empty file `success` beside it."""
    base = paths.base()
    hyperparameters = {name: training_environment.decode(text) for name, text in paths.config("hyperparameters.json").items()}
    try:
        program = _checked(hyperparameters.get("sagemaker_program"))
        code = _unpack(base, str(hyperparameters.get("sagemaker_submit_directory", "")))
    except CustomerError as error:
        print(error, file=sys.stderr)
        paths.write_failure(str(error))
        return FAILED
    if not (code / program).is_file():
        found = ", ".join(sorted(path.name for path in code.glob("*")))[:200]
        print(f"sagemaker_program {program!r} is not among the code: {found}", file=sys.stderr)
    command = _command(code, program, training_environment.arguments(training_environment.own(hyperparameters)))
    return _run(command, code, {**os.environ, **training_environment.variables(base, hyperparameters)})


def _checked(program: object) -> str:
    """Return the name of the script, a plain path within the code.

    Raises:
        CustomerError: there is none, or it could be taken for something else.
    """
    name = str(program or "")
    example = "-- for example 'train.py' or 'train.sh'"
    if not name:
        how = "Set the 'sagemaker_program' hyperparameter (or ContainerEntrypoint) to the name of the script to run, relative to your source directory"
        raise CustomerError(f"The training entry point name is empty. {how} {example}.")
    if not is_program(name):
        raise CustomerError(f"The training entry point {name!r} cannot be used: expected a path inside your source directory, of {ALLOWED} {example}.")
    return name


def _unpack(base: Path, source: str) -> Path:
    """Put the code where the toolkit puts it, `/opt/ml/code`, and return that folder.

    Raises:
        CustomerError: there is no code, or the archive would write outside the folder.
    """
    code = base / "code"
    code.mkdir(parents=True, exist_ok=True)
    places = [code / ARCHIVE, *sorted((base / "input" / "data" / "code").glob("*.tar.gz")), *([Path(source)] if source and "://" not in source else [])]
    archive = next((path for path in places if path.is_file()), None)
    if archive is None:
        local = Path(source) if source and "://" not in source and Path(source).is_dir() else base / "input" / "data" / "code"
        if not local.is_dir():
            raise CustomerError(f"no code: sagemaker_submit_directory is {source!r}")
        return local
    try:
        with tarfile.open(archive) as packed:
            extract(packed, code)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise CustomerError(f"the code archive {archive.name} cannot be unpacked: {error}") from None
    (code / ARCHIVE).unlink(missing_ok=True)
    return code


def extract(packed: tarfile.TarFile, folder: Path) -> None:
    """Unpack files and folders, and nothing outside the folder.

    Raises:
        CustomerError: the archive holds a link, a device, or a path that leads out.
    """
    root = folder.resolve()
    for member in packed.getmembers():
        target = (root / member.name).resolve()
        if not (target == root or root in target.parents) or not (member.isfile() or member.isdir()):
            raise CustomerError(f"the code archive holds {member.name!r}, which is a link, a device or outside its folder")
        if member.isdir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        content = packed.extractfile(member)
        target.write_bytes(content.read() if content else b"")
        target.chmod(0o755 if member.mode & 0o100 else 0o644)


def _command(code: Path, program: str, arguments: Sequence[str]) -> list[str]:
    """Return what runs a program: a Python script, a module of a package with setup.py, and all else as a command of the shell."""
    if not program.endswith(".sh") and (code / "setup.py").is_file():
        return [sys.executable, "-m", program.removesuffix(".py"), *arguments]
    if program.endswith(".py"):
        return [sys.executable, "--", program, *arguments]
    if (code / program).is_file():
        (code / program).chmod(0o777)
    return ["/bin/sh", "-c", f"./{shlex.quote(program)} {' '.join(map(shlex.quote, arguments))}"]


class ErrorWatch:
    """Pass a stream of the script on, and keep from the first line that names an error on what it says."""

    def __init__(self, stream: IO[bytes], target: IO[bytes]) -> None:
        """Take the stream to read and the one to write."""
        self.lines: list[str] = []
        self._stream, self._target, self._size = stream, target, 0
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()

    def _follow(self) -> None:
        for line in iter(lambda: self._stream.readline(LONGEST_MESSAGE), b""):
            self._target.write(line)
            self._target.flush()
            text = line.decode("utf-8", "replace").strip("\n")
            if (self.lines or any(name in text for name in ERRORS)) and self._size < LONGEST_MESSAGE and text not in self.lines:
                self.lines.append(f"{text.strip(' :')}\n")
                self._size += len(text)

    def message(self) -> str:
        """Return the error message once the stream has ended."""
        self._thread.join()
        return " ".join(self.lines)


def _run(command: list[str], code: Path, variables: Mapping[str, str]) -> int:
    """Run the script, pass its output on, and write the toolkit's failure or success file."""
    search = os.pathsep.join(filter(None, [str(code), variables.get("PYTHONPATH")]))
    process = subprocess.Popen(command, cwd=code, env={**variables, "PYTHONPATH": search}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout and process.stderr
    streams = [ErrorWatch(process.stdout, sys.stdout.buffer), ErrorWatch(process.stderr, sys.stderr.buffer)]
    said = " ".join(stream.message() for stream in streams)
    returned = process.wait()
    if returned == 0:
        (paths.base() / "output").mkdir(exist_ok=True)
        (paths.base() / "output" / "success").touch()
        return 0
    paths.write_failure(failure("ExecuteUserScriptError", returned, "\n".join(dict.fromkeys(said.split("\n"))).strip(), command))
    return FAILED


def failure(kind: str, returned: int, said: str, command: Sequence[str]) -> str:
    """Return the toolkit's text of a command that failed."""
    memory = '\nExtraInfo "OutOfMemory: Process killed by SIGKILL (signal 9)"' if returned == OUT_OF_MEMORY else ""
    return f'{kind}:\nExitCode {returned}\nErrorMessage "{said}"{memory}\nCommand "{" ".join(command)}"'


if __name__ == "__main__":
    sys.exit(main())
