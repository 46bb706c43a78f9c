"""A tool that an MCP server offers, and the client that calls it: both in this process, connected in memory."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

TOOL = "convert_currency"


def is_installed() -> bool:
    """Tell whether the MCP SDK is there, in a version whose client connects to a server in memory (2.0 or newer)."""
    return find_spec("mcp") is not None and find_spec("mcp.server.mcpserver") is not None


def make_server() -> Any:
    """Return a server that converts currencies."""
    from mcp.server.mcpserver import MCPServer  # noqa: PLC0415 - an optional package

    server = MCPServer("currencies")

    @server.tool(name=TOOL)
    def convert(amount: float, to: str, fail: bool) -> str:  # noqa: FBT001 - arguments of a tool come by name
        if fail:
            raise LookupError(f"no rate for {to}")
        return f"{amount * 1.1:.2f} {to}"

    return server


async def call(server: Any, tool: str, arguments: dict[str, Any]) -> Any:
    """Connect to `server`, call one of its tools, and return the result."""
    from mcp import Client  # noqa: PLC0415 - an optional package

    async with Client(server) as client:
        return await client.call_tool(tool, arguments)


def has_failed(result: Any) -> bool:
    """Tell whether the result of a tool says that it failed."""
    return bool(getattr(result, "is_error", False))
