"""``patientmgmt grpc-health``: whether a gRPC server serves, for health checks of containers."""

import os
from dataclasses import replace
from typing import Any

import click
import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from eventstore_grpc.remote.connection import channel
from eventstore_grpc.remote.settings import ADDRESS, ClientSettings
from eventstore_grpc.statuses import error_of
from patientmgmt.cli.option_types import to_address

_SECONDS = 3.0


@click.command("grpc-health")
@click.option(
    "--address",
    default=ADDRESS,
    envvar="STOREGRPC_ADDRESS",
    show_default=True,
    show_envvar=True,
    callback=to_address,
    help="HOST:PORT of the server.",
)
def grpc_health(address: str) -> None:
    """Ask a gRPC server whether it serves; the exit code is 0 only if it does.

    It is asked by the standard health service, which the store and the sink have; with TLS where
    STOREGRPC_AUTHORITIES is set.
    """
    settings = replace(ClientSettings.from_env(os.environ), address=address)
    request = health_pb2.HealthCheckRequest(service="")
    with channel(settings) as opened:
        try:
            stub: Any = health_pb2_grpc.HealthStub(opened)
            answer = stub.Check(request, timeout=_SECONDS)
        except grpc.RpcError as e:
            raise click.ClickException(f"{error_of(e, f'{address} does not answer')}") from e
    status = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
    click.echo(f"{address} {status}")
    if answer.status != health_pb2.HealthCheckResponse.SERVING:
        raise click.exceptions.Exit(1)
