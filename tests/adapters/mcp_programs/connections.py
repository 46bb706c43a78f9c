"""Clients and servers of the Model Context Protocol, connected in each way that the installed SDK has."""

from __future__ import annotations

import socket
import threading
from contextlib import asynccontextmanager, contextmanager

import mcp
import uvicorn
from mcp.client.sse import sse_client
from mcp.client.stdio import StdioServerParameters, stdio_client

from adapters.mcp_programs.server import IS_FIRST_GENERATION

WAYS = ("memory", "http", "sse") if IS_FIRST_GENERATION else ("memory", "direct", "http", "modern_http", "sse")
"""``direct``: client and server in one process, without messages. ``modern_http``: without a session."""


@asynccontextmanager
async def connected(way, server, **callbacks):
    """Connect a client with a server in this process, and return the client.

    It knows the tools of the server already: else it would ask for them in the middle of the first call.
    """
    async with _connected(way, server, callbacks) as client:
        await client.list_tools()
        yield client


@asynccontextmanager
async def _connected(way, server, callbacks):
    if way in {"memory", "direct"}:
        async with _in_memory(way, server, callbacks) as client:
            yield client
        return
    with _served(server.sse_app() if way == "sse" else server.streamable_http_app()) as origin:
        url = f"{origin}/sse" if way == "sse" else f"{origin}/mcp"
        async with _over_http(way, url, callbacks) as client:
            yield client


@asynccontextmanager
async def started(command, *arguments, env):
    """Start a server as a process that talks over stdio, and return a client of it."""
    parameters = StdioServerParameters(command=command, args=list(arguments), env=env)
    if IS_FIRST_GENERATION:
        async with stdio_client(parameters) as streams, _session(streams, {}) as client:
            await client.list_tools()
            yield client
    else:
        async with mcp.Client(parameters, mode="legacy") as client:
            await client.list_tools()
            yield client


def _in_memory(way, server, callbacks):
    if IS_FIRST_GENERATION:
        from mcp.shared.memory import create_connected_server_and_client_session

        return create_connected_server_and_client_session(server._mcp_server, **callbacks)
    return mcp.Client(server, mode="auto" if way == "direct" else "legacy", **callbacks)


@asynccontextmanager
async def _over_http(way, url, callbacks):
    if not IS_FIRST_GENERATION:
        transport = sse_client(url) if way == "sse" else url
        async with mcp.Client(transport, mode="auto" if way == "modern_http" else "legacy", **callbacks) as client:
            yield client
        return
    async with sse_client(url) if way == "sse" else _streamable(url) as streams, _session(streams, callbacks) as client:
        yield client


def _streamable(url):
    from mcp.client import streamable_http

    newest_name = getattr(streamable_http, "streamable_http_client", None)
    return (newest_name or streamable_http.streamablehttp_client)(url)


@asynccontextmanager
async def _session(streams, callbacks):
    async with mcp.ClientSession(streams[0], streams[1], **callbacks) as session:
        await session.initialize()
        yield session


@contextmanager
def _served(app):
    """Serve an ASGI application from a thread, and return its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
