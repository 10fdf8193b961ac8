"""`samesku serve`: the HTTP service, and its keys."""

from functools import partial
from typing import Annotated

import typer
from rich.table import Table

from core.cli.context import Context, context_of
from core.errors import CoreError
from core.packages import install_hint, require_packages
from core.serving.api_keys import ApiKeys, add_key, environment_keys, revoke_key, stored_keys
from core.settings import load_settings
from core.text.safe import safe

app = typer.Typer()
keys = typer.Typer(help="The keys of programs: add, list, revoke.", no_args_is_help=True)
app.add_typer(keys, name="keys")


@app.callback(invoke_without_command=True)
def serve(
    ctx: typer.Context,
    host: Annotated[
        str, typer.Option(help="Address to listen on; one that other machines reach needs keys.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 for any free one.", min=0, max=65535)] = 8080,
    rate: Annotated[float, typer.Option(help="Requests per second of each key; 0 for no limit.", min=0)] = 50.0,
    timeout: Annotated[
        float, typer.Option(help="Time limit per request, in seconds; for verdicts at least 120.", min=1, max=3600)
    ] = 30.0,
) -> None:
    """Serve matching, feedback and verdicts to other programs over HTTP.

    It runs until ctrl+c or SIGTERM, and then finishes the requests in flight. POST /match gives the candidates of
    products, inline or by id. Requests that come at the same moment are scored in one batch. A new index, a promoted
    encoder and a refitted matcher take effect without a restart and without failed requests. /openapi.json describes
    all routes.

    On this machine no key is needed. On another address every request needs one, from `samesku serve keys add`, or from
    the environment: SAMESKU_API_KEYS=NAME:KEY,NAME:KEY. The service speaks plain HTTP: put a proxy with TLS before it.

    Example: samesku serve

    Example: samesku serve keys add shop

    Example: samesku serve --host 0.0.0.0 --port 8080

    Example: curl localhost:8080/match -H 'Content-Type: application/json' -d '{"products": [{"title": "Sony ZX110"}]}'
    """
    if ctx.invoked_subcommand is not None:
        return
    context = context_of(ctx)
    workspace = context.workspace.require()
    require_packages("The service needs", ["fastapi", "uvicorn"], install_hint("serve"))
    from core.serving.guard import Limits  # noqa: PLC0415 - only where the extra is installed
    from core.serving.server import is_loopback, open_socket, run_server  # noqa: PLC0415
    from core.serving.service import ServiceOptions, build_service  # noqa: PLC0415

    accepted, local = ApiKeys(workspace), is_loopback(host)
    if not local and not accepted:
        raise CoreError(
            f"{host} is reached from other machines, and there is no key.", "Add one: samesku serve keys add NAME"
        )
    limits = Limits(request_s=timeout, slow_s=max(timeout, Limits().slow_s))
    options = ServiceOptions(local=local, rate=rate, limits=limits)
    with open_socket(host, port) as bound:
        with context.reporter() as reporter:
            settings = partial(load_settings, workspace.settings)
            service = build_service(workspace, settings, accepted, options, reporter)
        run_server(service, bound, drain_s=limits.slow_s, announce=partial(_announce, context))


def _announce(context: Context, address: str) -> None:
    context.out.print(f"Listening on {address}; ctrl+c ends the service.")
    context.out.file.flush()
    context.answer({"address": address})


@keys.command("add")
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the program, e.g. shop. Its feedback is by api:shop.")],
) -> None:
    """Make a key and print it, once: the workspace keeps its hash only.

    Example: samesku serve keys add shop
    """
    context = context_of(ctx)
    key = add_key(context.workspace.require(), name)
    context.out.print(key)
    context.err.print("It is not shown again. Send it as Authorization: Bearer KEY", markup=False)
    context.answer({"name": name.strip(), "key": key})


@keys.command("list")
def list_keys(ctx: typer.Context) -> None:
    """List the names of the keys, of the workspace and of the environment.

    Example: samesku serve keys list
    """
    context = context_of(ctx)
    found = [*stored_keys(context.workspace.require()), *environment_keys()]
    table = Table(box=None, pad_edge=False)
    for heading in ("name", "created"):
        table.add_column(heading)
    for key in found:
        table.add_row(safe(key.name), key.created or "in the environment")
    context.out.print(table if found else "There are no keys. `samesku serve keys add NAME` makes one.")
    context.answer({"keys": [{"name": key.name, "created": key.created} for key in found]})


@keys.command("revoke")
def revoke(ctx: typer.Context, name: Annotated[str, typer.Argument(help="Name of the key, e.g. shop.")]) -> None:
    """Revoke a key; a running service refuses it at once.

    Example: samesku serve keys revoke shop
    """
    context = context_of(ctx)
    revoke_key(context.workspace.require(), name)
    context.out.print(f"The key {safe(name)} is revoked.")
    context.answer({"revoked": name})
