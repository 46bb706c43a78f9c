"""What can go wrong in the embedded backend, each with a message that says what to do."""

from __future__ import annotations

from agentotel._base.errors import AgentotelError


class StoreError(AgentotelError):
    """The store cannot be used: the message names its path and what was expected there."""


class StoreFullError(AgentotelError):
    """More is waiting to be written than the store may hold back: send it again later."""


class AddressError(AgentotelError):
    """An address cannot be listened on: the message names the option, the address and what to do."""


class MissingExtraError(AgentotelError):
    """A package of the extra ``[local]`` is not installed."""


class MalformedError(AgentotelError):
    """A request that is not what its content type says."""


class TooLargeError(AgentotelError):
    """A request that is larger than the receiver accepts, as sent or inflated."""
