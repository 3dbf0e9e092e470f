"""Which modules of `jobkit` a job's script imports, directly or through others: what its bundle carries.

A bundle's hash is in the job's arguments, so a change of another job's code leaves this one's cached result valid, here and on AWS.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator

from pipelines.jobs import jobs_root

PACKAGE = "jobkit"
FROM = re.compile(rf"^[ \t]*from[ \t]+({PACKAGE}(?:\.\w+)*)[ \t]+import[ \t]+(?:\(([^)]*)\)|([^\n#]*))", re.MULTILINE)
IMPORT = re.compile(rf"^[ \t]*import[ \t]+({PACKAGE}(?:\.\w+)+)", re.MULTILINE)


def whole() -> dict[str, bytes]:
    """Return every module's file, by its path beside a script: what code of the user's may import."""
    root = jobs_root()
    return {name: _read(name) for name in sorted(file.relative_to(root).as_posix() for file in (root / PACKAGE).rglob("*.py"))}


def imported(scripts: Iterable[bytes]) -> dict[str, bytes]:
    """Return the files of the modules that these scripts import, and of those that they import in turn, also where a function imports them."""
    found: dict[str, bytes] = {}
    waiting = [name for script in scripts for name in _named(script.decode())]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = _read(name)
            waiting += _imports(name)
    return dict(sorted(found.items()))


@functools.cache
def _read(name: str) -> bytes:
    return (jobs_root() / name).read_bytes()


@functools.cache
def _imports(name: str) -> tuple[str, ...]:
    return tuple(_named(_read(name).decode()))


def _named(text: str) -> Iterator[str]:
    """Yield the files of the modules that a module's text imports, with those of the packages around them."""
    for module, several, one in FROM.findall(text):
        names = [part.split(" as ")[0].strip() for part in (several or one).split(",")]
        for place in (module, *(f"{module}.{name}" for name in names)):
            yield from _files(place)
    for module in IMPORT.findall(text):
        yield from _files(module)


@functools.cache
def _files(module: str) -> tuple[str, ...]:
    """Return the files of a module and of the packages around it; of a name that is no module those of the packages alone."""
    package, _, name = module.rpartition(".")
    path, around = module.replace(".", "/"), _files(package) if package else ()
    return (*around, *(file for file in (f"{path}.py", f"{path}/__init__.py") if (jobs_root() / file).is_file()))
