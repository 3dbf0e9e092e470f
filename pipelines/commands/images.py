"""sagewright images list | make | remove"""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.commands import flags
from pipelines.errors import UsageError

HELP = """Environments with the versions of SageMaker's images, for `sagewright run --images pinned`.

Examples: sagewright images list | sagewright images make sagemaker-xgboost:1.5-1 | sagewright images remove sagemaker-xgboost-1.5-1"""

OF_SCRIPTS = "requirements: "


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(no_args_is_help=True, help=HELP, rich_markup_mode=None)
    group.command("list")(list_)
    group.command("make")(make)
    group.command("remove")(remove)
    app.add_typer(group, name="images")


def list_(output: flags.OutputFlag = flags.Output.text) -> int:
    """Show the environments that are made, and the images whose versions are known.

    Example: sagewright images list
    """
    from pipelines.commands.printing import print_json
    from pipelines.local.images.environments import environments
    from pipelines.local.images.pinned import differences

    made = {each.folder.name: each for each in environments()}
    if output is flags.Output.json:
        print_json([{"name": name, "image": each.image, "python": each.python, "installed": dict(each.installed)} for name, each in made.items()])
        return 0
    for name, each in made.items():
        told = [each.image] if each.image.startswith(OF_SCRIPTS) else differences(each.image, each.installed.get)
        print(f"{name}  {each.python}" + "".join(f"\n    {line}" for line in told))
    print(f"{'' if made else 'none made yet; '}known: {known_images()}")
    return 0


def known_images() -> str:
    """Return the images whose versions are known: `sagemaker-xgboost:1.5-1, ...`."""
    from pipelines.local.images.pinned import IMAGES

    return ", ".join(f"{repository}:{tag}" for repository, tags in IMAGES.items() for tag in tags)


def make(image: Annotated[str, typer.Argument(help="REPOSITORY:TAG, e.g. sagemaker-xgboost:1.5-1, or a whole URI.")]) -> int:
    """Make an image's environment now, so that no run has to wait for it.

    Example: sagewright images make sagemaker-xgboost:1.5-1
    """
    from pipelines.local.faults import ClientFault, StepFault
    from pipelines.local.images.pinned import Pinned, versions_of

    try:
        if versions_of(image) is None:
            raise UsageError("the versions of this image are not known here", where="sagewright images make", got=image, expected=f"one of: {known_images()}")
        Pinned(print)(image)
    except (ClientFault, StepFault) as error:
        raise UsageError(str(error), where=image) from None
    return 0


def remove(name: Annotated[str, typer.Argument(help="The environment's name as `images list` shows it.")]) -> int:
    """Remove an environment; the next pinned run of the image makes it again.

    Example: sagewright images remove sagemaker-xgboost-1.5-1
    """
    from pipelines.local.images.environments import environments
    from pipelines.local.images.environments import remove as removed

    if not removed(name):
        known = ", ".join(each.folder.name for each in environments()) or "none"
        raise UsageError("there is no such environment", where="sagewright images remove", got=name, expected=f"one of: {known}")
    print(f"removed {name}")
    return 0
