# SPDX-License-Identifier: GPL-3.0-or-later
"""gRPC services at unix sockets and ports: started whole, ended in order."""

from __future__ import annotations

import concurrent.futures
import contextlib
import secrets
import typing as t
from pathlib import Path

import grpc
from google.protobuf import message_factory

from . import log
from .errors import ServerError


class Service(t.Protocol):
    """An object whose methods have the names of the descriptor's."""

    descriptor: t.Any


def handler(service: Service) -> grpc.GenericRpcHandler:
    """Serves what the descriptor says by the service's methods."""
    methods = {}
    for method in service.descriptor.methods:
        make = grpc.unary_stream_rpc_method_handler if method.server_streaming else grpc.unary_unary_rpc_method_handler
        methods[method.name] = make(
            getattr(service, method.name),
            request_deserializer=message_factory.GetMessageClass(method.input_type).FromString,
            response_serializer=message_factory.GetMessageClass(method.output_type).SerializeToString,
        )
    return grpc.method_handlers_generic_handler(service.descriptor.full_name, methods)


class GrpcServer:
    """Some services at each of some addresses: a unix socket's path, or HOST:PORT.

    One server with two sockets and not two servers: each looks after itself every second, which is most of what an idle
    node agent does.
    """

    def __init__(self, addresses: t.Sequence[Path | str], services: t.Iterable[Service], threads: int) -> None:
        self._addresses = addresses
        # Which file each path is, as long as it is ours.
        self._files: dict[Path, tuple[int, int]] = {}
        pool = concurrent.futures.ThreadPoolExecutor(threads, thread_name_prefix="grpc")
        # Nobody else listens on our port, whatever the kernel would allow.
        self._server = grpc.server(pool, options=(("grpc.so_reuseport", 0),))
        self._server.add_generic_rpc_handlers([handler(service) for service in services])

    def start(self) -> None:
        """Listen; the sockets appear in the order of the addresses, each when it is served."""
        # gRPC removes the name that it has been given when it ends, whosever that is by then. No name that somebody
        # looks for, thus; and none that is longer, for a socket's path may not be long.
        names = {one: one.with_name(f".{secrets.token_hex(3)}") for one in self._addresses if isinstance(one, Path)}
        try:
            self._listen(names)
        except ServerError:
            self.stop(0)
            for name in names.values():
                with contextlib.suppress(OSError):
                    name.unlink()
            raise
        log.info("Serving", 1, addresses=self._addresses)

    def _listen(self, names: t.Mapping[Path, Path]) -> None:
        address: Path | str = ""
        try:
            for address in self._addresses:
                self._server.add_insecure_port(f"unix:{names[address]}" if isinstance(address, Path) else address)
            self._server.start()
            for address, name in names.items():
                self._files[address] = _identity(name)
                # In the place of what a killed process has left; a living one has another name or is not there.
                name.replace(address)
        except (OSError, RuntimeError) as error:
            raise ServerError(f"Error while listening on {address}: {error}") from error

    def missing(self) -> list[Path]:
        """Sockets that somebody has removed; none where another instance has put its own in the place of one."""
        found: dict[Path, tuple[int, int]] = {}
        for address in self._files:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                found[address] = _identity(address)
        if any(self._files[address] != file for address, file in found.items()):
            return []
        return [address for address in self._files if address not in found]

    def stop(self, grace: float) -> None:
        """Take the sockets away, the last one first, so that nobody new comes; then end the calls under way."""
        for address, file in reversed(self._files.items()):
            with contextlib.suppress(OSError):
                if _identity(address) == file:
                    address.unlink()
        self._server.stop(grace).wait()


def _identity(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_dev, status.st_ino
