"""The library that CONTRIBUTING maps as an example: one function, sync and async, streamed or not."""

from acme.client import AsyncClient, Client

__all__ = ["AsyncClient", "Client"]
