"""The tools that the model may use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from .orders import OrderBook

_RETURN_DAYS = 30
_RESTOCKING_SHARE = 0.1


class Tool:
    """Something that the model can ask for by name."""

    name: ClassVar[str]
    description: ClassVar[str]
    parameters: ClassVar[dict[str, Any]]

    def execute(self, **arguments: Any) -> dict[str, Any]:
        """Do it, and return what the model gets to know."""
        raise NotImplementedError

    def schema(self) -> dict[str, Any]:
        """Return the tool as the model's API wants it described."""
        parameters = {
            "type": "object",
            "properties": self.parameters,
            "required": list(self.parameters),
            "additionalProperties": False,
        }
        function = {
            "name": self.name,
            "description": self.description,
            "parameters": parameters,
            "strict": True,
        }
        return {"type": "function", "function": function}


class SearchOrdersTool(Tool):
    """Looks an order up in the order book."""

    name = "search_orders"
    description = "Find an order by its number."
    parameters: ClassVar[dict[str, Any]] = {"order_id": {"type": "integer"}}

    def __init__(self, orders: OrderBook) -> None:
        """Work on `orders`."""
        self._orders = orders

    def execute(self, *, order_id: int) -> dict[str, Any]:  # type: ignore[override]
        """Return the order, or that there is none."""
        order = self._orders.find(order_id)
        return {"found": order is not None, "order": order}


class RefundTool(Tool):
    """Pays an order back, if it may be sent back at all."""

    name = "refund"
    description = "Refund an order that was delivered in the last 30 days."
    parameters: ClassVar[dict[str, Any]] = {"order_id": {"type": "integer"}, "broken": {"type": "boolean"}}

    def __init__(self, orders: OrderBook) -> None:
        """Work on `orders`."""
        self._orders = orders

    def execute(self, *, order_id: int, broken: bool) -> dict[str, Any]:  # type: ignore[override]
        """Refund the whole price of a broken item, and less of one that is only sent back."""
        order = self._orders.find(order_id)
        if order is None or order["status"] != "delivered":
            return {"success": False, "error": "there is no delivered order of that number"}
        if order["delivered_days_ago"] > _RETURN_DAYS:
            return {"success": False, "error": f"it was delivered more than {_RETURN_DAYS} days ago"}
        share = 1.0 if broken else 1.0 - _RESTOCKING_SHARE
        self._orders.set_status(order_id, "refunded")
        return {"success": True, "refunded_cents": round(order["cents"] * share)}


class ReadFileTool(Tool):
    """Reads one of the shop's policies."""

    name = "read_file"
    description = "Read a policy of the shop: warranty.md or returns.md."
    parameters: ClassVar[dict[str, Any]] = {"file": {"type": "string"}}

    def __init__(self, folder: str) -> None:
        """Read below `folder`."""
        self._folder = Path(folder)

    def execute(self, *, file: str) -> dict[str, Any]:  # type: ignore[override]
        """Return the text of the file; only the file's own name counts, whatever path the model gives."""
        return {"text": (self._folder / Path(file).name).read_text(encoding="utf-8")}
