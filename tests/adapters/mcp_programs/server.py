"""A server of the Model Context Protocol, in the words of the SDK that is installed: ``python server.py stdio``."""

import logging
import sys
import warnings
from importlib.metadata import version

import anyio
from pydantic import BaseModel

IS_FIRST_GENERATION = version("mcp").startswith("1.")

if IS_FIRST_GENERATION:
    from mcp.server.fastmcp import Context
    from mcp.server.fastmcp import FastMCP as HighLevelServer
    from mcp.server.fastmcp.exceptions import ToolError
else:
    from mcp.server.mcpserver import Context
    from mcp.server.mcpserver import MCPServer as HighLevelServer
    from mcp.server.mcpserver.exceptions import ToolError

__all__ = ["IS_FIRST_GENERATION", "Hall", "ToolError", "new_server", "weather_server"]

logger = logging.getLogger("weather_server")


class Hall:
    """Where calls wait until the test lets them go on; made inside the event loop."""

    def __init__(self):
        self.entered = anyio.Event()
        self.open = anyio.Event()
        self.left = anyio.Event()


class Choice(BaseModel):
    city: str


def new_server():
    """Make a server without anything in it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some versions of the SDK do not get on with all versions of pydantic
        return HighLevelServer("weather", log_level="CRITICAL")


def weather_server(hall=None, inside=lambda city: None):
    """Make the server; ``inside(city)`` is called in its tool ``get_weather``."""
    server = new_server()

    @server.tool()
    async def get_weather(city: str) -> str:
        """Tell the weather."""
        inside(city)
        logger.warning("looking out of the window")
        return f"sunny canary-result-{city}"

    @server.tool()
    async def broken(city: str) -> str:
        """Fail."""
        raise RuntimeError(f"canary-exception-{city}")

    @server.tool()
    async def wait(city: str) -> str:
        """Wait until the test says so."""
        hall.entered.set()
        try:
            await hall.open.wait()
        finally:
            hall.left.set()
        return city

    @server.tool()
    async def report_progress(city: str, ctx: Context) -> str:
        """Tell how far it is."""
        await ctx.report_progress(1, 2)
        await ctx.report_progress(2, 2)
        return city

    @server.tool()
    async def ask_the_user(ctx: Context) -> str:
        """Ask the client's user for a city."""
        answer = await ctx.elicit("Which city?", Choice)
        return answer.data.city

    @server.prompt()
    def greeting(name: str) -> str:
        """Greet."""
        return f"Hello canary-prompt-{name}"

    @server.resource("weather://history")
    def history() -> str:
        """Tell how it was."""
        return "rain"

    return server


if __name__ == "__main__":
    weather_server().run(sys.argv[1])
