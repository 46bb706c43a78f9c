"""An agent behind WSGI and behind ASGI, one that ran when the program was loaded."""

import os
from pathlib import Path


class ShopAgent:
    def __init__(self, name):
        self.name = name

    def chat(self, message):
        return f"{message} from {os.getpid()}"


ShopAgent("loading").chat("hello")
Path(f"loaded-{os.getpid()}").touch()


def wsgi(environ, start_response):
    """Answer one request by WSGI."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [ShopAgent("serving").chat("hello").encode()]


async def asgi(scope, receive, send):
    """Answer one request by ASGI."""
    if scope["type"] == "http":
        body = ShopAgent("serving").chat("hello").encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": body})
