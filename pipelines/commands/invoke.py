"""sagewright invoke"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands import flags
from pipelines.errors import RunFailed, UsageError

BY_SUFFIX = {".csv": "text/csv", ".json": "application/json", ".jsonl": "application/jsonlines", ".parquet": "application/x-parquet", ".libsvm": "text/libsvm"}
URL = "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"
LONGEST_S = 120.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("invoke")(invoke)


def invoke(
    home: flags.HomeFlag,
    endpoint: Annotated[str, typer.Argument(help="Name of the endpoint.")],
    rows: Annotated[list[str] | None, typer.Argument(help="Rows, one an argument: CSV, or JSON that begins with { or [. Else --file, else stdin.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="File to send: .csv, .json, .jsonl, .parquet.")] = None,
    content_type: Annotated[str, typer.Option("--content-type", help="Content type of what is sent; from the file's name or the rows if absent.")] = "",
    accept: Annotated[str, typer.Option("--accept", help="Content type of the answer.")] = "",
    explain: Annotated[bool, typer.Option("--explain", help="Ask a packaged model for the SHAP contributions of each feature, too.")] = False,
    target_model: Annotated[str, typer.Option("--target-model", help="Of an endpoint with many models: which.")] = "",
    target_variant: Annotated[str, typer.Option("--target-variant", help="Of several variants: which.")] = "",
    endpoint_url: Annotated[str, typer.Option("--endpoint-url", envvar=URL, help="The Runtime API; the server that runs here if absent.")] = "",
    isolation: flags.IsolationFlag = flags.Layer.auto,
    images: flags.ImagesFlag = flags.Images.host,
    image_map: flags.ImageMapFlag = None,
    keep_warm: flags.KeepWarmFlag = 0.0,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Ask an endpoint of this machine and print its answer. Without a running server the endpoint is started for this one request.

    Examples: sagewright invoke hotel-bookings -f rows.csv | sagewright invoke hotel-bookings '{"adults": 2}' --explain
    """
    body, kind = _body(rows, file)
    accepted = f"{accept or 'application/json'}; explain=shap" if explain else accept
    headers = {"content-type": content_type or kind, "accept": accepted, "target-model": target_model, "target-variant": target_variant}
    named = {(f"x-amzn-sagemaker-{name}" if name.startswith("target") else name): value for name, value in headers.items() if value}
    from pipelines.commands.serving_machine import known_endpoint, machine
    from pipelines.local.serving.records import Records

    url = endpoint_url or Records(home).url()
    if not endpoint_url:
        known_endpoint(home, endpoint)
    if url:
        status, answer = _over_http(url, endpoint, named, body)
    else:
        with machine(home, isolation.value, images.value, image_map, cold=False, keep_minutes=keep_warm) as made:
            from pipelines.local.serving.once import ask_once

            status, answer = ask_once(made, Records(home), home / "serving" / "once", endpoint, named, body)
    if status >= 300:
        raise _failure(endpoint, status, answer)
    if output is flags.Output.json:
        print(json.dumps({"endpoint": endpoint, "status": status, "body": answer.decode("utf-8", "replace")}))
        return 0
    _print(answer if answer.endswith(b"\n") or not answer else answer + b"\n")
    return 0


def _print(answer: bytes) -> None:
    """Write an answer as it is; to a terminal what that would obey as escapes."""
    from pipelines.commands.printing import visible

    if sys.stdout.isatty():
        sys.stdout.write(visible(answer.decode("utf-8", "backslashreplace")))
        return
    sys.stdout.buffer.write(answer)
    sys.stdout.buffer.flush()


def _failure(endpoint: str, status: int, answer: bytes) -> RunFailed:
    """Return what an answer that is an error says: of a model's failure the first line, the log has the rest."""
    text = answer[:8000].decode("utf-8", "replace").strip()
    try:
        told = json.loads(answer)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        return RunFailed(f"the endpoint answered {status}: {text[:2000]}", where=endpoint)
    if "OriginalMessage" not in told:
        return RunFailed(f"the endpoint answered {status}: {told.get('message', text)}", where=endpoint)
    first = next(iter(str(told["OriginalMessage"]).strip().splitlines()), "")
    log = str(told.get("Message", "")).rpartition(" See ")[2].removesuffix(" for more information.")
    return RunFailed(f"the model answered {told.get('OriginalStatusCode')}: {first}", where=endpoint, hint=f"The log: {log}" if log else "")


def _body(rows: list[str] | None, file: Path | None) -> tuple[bytes, str]:
    """Return what to send and its content type."""
    if file is not None and rows:
        raise UsageError("rows come from --file or from the command line", where="invoke", got="both", expected="one of them")
    if file is not None:
        if not file.exists() or file.is_dir():
            raise UsageError("there is no such file", where="--file", got=str(file), expected="a file with rows")
        return file.read_bytes(), BY_SUFFIX.get(file.suffix.lower(), "text/csv")
    if not rows and sys.stdin.isatty():
        print("Type rows, one a line; end with Ctrl-D.", file=sys.stderr)
    body = "\n".join(rows).encode() if rows else sys.stdin.buffer.read()
    if not body.strip():
        raise UsageError("there is nothing to send", where="invoke", expected="rows as arguments, --file, or rows on stdin")
    begins = body.lstrip()[:1]
    several = begins == b"{" and len(body.strip().splitlines()) > 1 and all(line.lstrip().startswith(b"{") for line in body.strip().splitlines())
    return body, "application/jsonlines" if several else "application/json" if begins in (b"{", b"[") else "text/csv"


def _over_http(url: str, endpoint: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
    import http.client
    import urllib.error
    import urllib.request
    from urllib.parse import quote

    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    place = f"{url.rstrip('/')}/endpoints/{quote(endpoint)}/invocations"
    try:
        request = urllib.request.Request(place, data=body, headers=dict(headers), method="POST")
        with opener.open(request, timeout=LONGEST_S) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except (urllib.error.URLError, OSError, ValueError, http.client.HTTPException) as error:
        hint = f"Is the server running? {URL} is set." if os.environ.get(URL) == url else "Is the server running?"
        raise UsageError(f"the server cannot be reached: {getattr(error, 'reason', error)}", where=url, hint=hint) from None
