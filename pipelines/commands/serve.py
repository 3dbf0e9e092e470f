"""sagewright serve"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.commands import flags
from pipelines.errors import UsageError

if TYPE_CHECKING:
    import socket

    from pipelines.local.serving.host import Host

# What takes longer is cut when the command ends.
GOODBYE_S = 1.0
# Each client is a descriptor; 1024, as systems usually allow, are soon used up by clients that only wait.
DESCRIPTORS = 65_536


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve")(serve)


def serve(
    home: flags.HomeFlag,
    names: Annotated[list[str] | None, typer.Argument(help="Endpoints; all that are deployed here if absent.")] = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port of the SageMaker Runtime API; 0 takes a free one.")] = 8080,
    host: Annotated[str, typer.Option("--host", help="Address to listen on. Anyone who reaches it may ask your models: there is no login.")] = "127.0.0.1",
    container: Annotated[bool, typer.Option("--container", help="Answer as the container of one endpoint instead: /ping, /invocations.")] = False,
    speed: Annotated[float, typer.Option("--speed", min=1, help="Let the waits of traffic shifting pass so many times faster.")] = 1.0,
    isolation: flags.IsolationFlag = flags.Layer.auto,
    images: flags.ImagesFlag = flags.Images.host,
    image_map: flags.ImageMapFlag = None,
    keep_warm: flags.KeepWarmFlag = 0.0,
    cold: flags.ColdFlag = False,
) -> int:
    """Serve the endpoints that are deployed here: the SageMaker Runtime API for unmodified clients, until Ctrl-C.

    Examples: sagewright serve | AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME=http://127.0.0.1:8080 aws sagemaker-runtime invoke-endpoint ...
    """
    from pipelines.commands.serving_machine import known_endpoint, machine, say
    from pipelines.local.serving.host import Host
    from pipelines.local.serving.records import Records

    for name in names or ():
        known_endpoint(home, name)
    if container and len(names or ()) != 1:
        raise UsageError("the container of one endpoint answers", where="--container", got=f"{len(names or ())} names", expected="one")
    allow_descriptors()
    records = Records(home)
    with records.serving() as mine:
        if not mine:
            hint = f"It answers on {records.url()}; changes reach it by themselves." if records.url() else "It answers as a container; end it first."
            raise UsageError("a server of these endpoints runs already", where=str(home), hint=hint)
        listener = _listen(host, port)
        with machine(home, isolation.value, images.value, image_map, cold=cold, keep_minutes=keep_warm) as made:
            held = Host(made, records, home / "serving" / "endpoints", frozenset(names or ()), speed, say)
            return _serve(held, listener, (names or [""])[0] if container else "")


def allow_descriptors() -> None:
    """Let this process have as many open files and connections as it may."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _listen(host: str, port: int) -> socket.socket:
    from pipelines.local.serving.hosted import listening

    try:
        return listening(port, host)
    except OSError as error:
        hint = "Choose another with --port, or a free one with --port 0."
        raise UsageError(f"the server cannot listen there: {error.strerror}", where=f"{host}:{port}", hint=hint) from None


def _serve(held: Host, listener: socket.socket, container: str) -> int:
    """Serve until SIGINT or SIGTERM; with `container` the container contract of that endpoint."""
    from pipelines.local.serving.loop import new_loop

    loop = new_loop()
    try:
        return loop.run_until_complete(_until_signal(held, listener, container))
    finally:
        loop.close()


async def _until_signal(held: Host, listener: socket.socket, container: str) -> int:
    import asyncio
    import signal

    from pipelines.commands.serving_machine import say
    from pipelines.local.serving.first_container import FirstContainer
    from pipelines.local.serving.hosted import url_of
    from pipelines.local.serving.loop import HttpServer
    from pipelines.local.serving.runtime import RuntimeApp

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runtime = RuntimeApp(held.find, held.machine.region, starts=held.starts, tell=say)
    server = HttpServer(FirstContainer(lambda: held.find(container)) if container else runtime, listener)
    await server.start()
    url = url_of(listener)
    held.records.announce("" if container else url, held.only)
    say(f"the container of {container} on {url}" if container else f"SageMaker Runtime on {url}    export AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME={url}")
    if not held.names():
        say("No endpoint is deployed here yet; `sagewright deploy` makes one, and this server takes it up.")
    following = asyncio.get_running_loop().create_task(_follow(held, container))
    stopped = asyncio.get_running_loop().create_task(stop.wait())
    await asyncio.wait({stopped, following}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    following.cancel()
    say("stopping")
    await server.close(GOODBYE_S)
    await held.close()
    if not stop.is_set():
        following.result()  # nobody follows the deployments any more: say why
    return 0


def _models_folder(held: Host, container: str) -> str:
    """Return where the folder of models is of an endpoint that hosts many and is served as a container, empty of any other."""
    endpoint = held.find(container) if container else None
    targets = endpoint.fleet.variants[0].targets if endpoint and endpoint.fleet else None
    return str(targets.models.server.ml / "models") if targets else ""


async def _follow(held: Host, container: str) -> None:
    from pipelines.commands.serving_machine import say

    await held.start()
    if held.endpoints:
        say(f"ready: {', '.join(sorted(held.endpoints))}")
    if models := _models_folder(held, container):
        say(f"/opt/ml/models of the container is {models}; what lies there, POST /models loads by its url: /opt/ml/models/...")
    await held.follow()
