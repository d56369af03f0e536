"""A small POS for terminals that speak TSI over WebSocket: sale, void, last transaction.

One connection a transaction. Every event is acknowledged. A transaction whose end the POS did not see is never tried
again: the POS asks the terminal for its last transaction, and says ``unknown`` where that does not help.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import ClientConnection, connect

PAYMENT = "/tsi/v1/payment"
RECALL = "recall_last_transaction"


class Refused(Exception):
    """The terminal refused a request: nothing happened."""


class OutcomeUnknown(Exception):
    """The terminal did not say in time what became of a transaction, or the link went."""


@dataclass
class Receipt:
    """What the cashier is told."""

    outcome: str
    """``approved``, ``declined``, ``refused`` or ``unknown``."""
    total: int = 0
    """In cents."""
    reference: str | None = None
    why: str | None = None
    recovered: bool = False
    """The end was not seen, and asked for."""


class Pos:
    """A POS for the terminal at ``url``: ``ws://192.168.1.50:50000``.

    ``answer_time`` and ``card_time`` are how long the terminal has, in seconds, to answer a request, and to say how
    the transaction ended.
    """

    def __init__(self, url: str, *, answer_time: float = 5.0, card_time: float = 60.0) -> None:
        self.url = url
        self.answer_time = answer_time
        self.card_time = card_time
        # Of the last transaction whose end was seen; a POS in a shop keeps it over a restart.
        self._last_reference: str | None = None
        self._flow_ids: set[str] = set()

    def sale(self, amount: int, *, tip: int | None = None) -> Receipt:
        """Sells for an amount in cents."""
        request = {"type": "sale", "amount": amount, "tender_type": "credit"}
        if tip is not None:
            request["tip_amount"] = tip
        return self._pay(request)

    def void(self, reference: str) -> Receipt:
        """Takes back a transaction of this batch."""
        return self._pay({"type": "void", "reference_no": reference})

    def acknowledge(self, link: ClientConnection, event: dict) -> None:
        """Says that an event has come. A terminal may keep a transaction open, or reverse it, until it hears that."""
        _send(link, {"event_ack": {"flow_id": event["flow_id"], "resource": {"status": "ok"}}})

    def _pay(self, request: dict) -> Receipt:
        try:
            return self._receipt(self._transact(request))
        except Refused as refused:
            return Receipt("refused", why=str(refused))
        except OutcomeUnknown as unknown:
            return self._recover(request, str(unknown))

    def _recover(self, request: dict, why: str) -> Receipt:
        """Asks what became of a transaction whose end was not seen.

        A terminal that still works on it says that it is busy; one that answers has nothing more to come.
        """
        try:
            last = self._transact({"type": RECALL})
        except (Refused, OutcomeUnknown) as error:
            return Receipt("unknown", why=f"{why}; asked for the last transaction: {error}")
        if self._is_that_of(last, request):
            receipt = self._receipt(last)
            receipt.recovered = True
            return receipt
        if last["status"] == "transaction_record_not_found":
            return Receipt("declined", why=last["status"])
        if last.get("type") == RECALL:
            # An answer that is no transaction says nothing about one.
            return Receipt("unknown", why=f"{why}; asked for the last transaction: {last['status']}")
        return Receipt("declined", why="the terminal has not taken it")

    def _is_that_of(self, last: dict, request: dict) -> bool:
        """Whether the last transaction of the terminal is the one this POS asked for, and not one before it."""
        if last.get("type") != request["type"]:
            return False
        if request["type"] == "void":
            return last.get("reference_no") == request["reference_no"]
        same_amount = last.get("transaction_amount") == str(request["amount"])
        return same_amount and last.get("reference_no") != self._last_reference

    def _receipt(self, result: dict) -> Receipt:
        self._last_reference = result.get("reference_no", self._last_reference)
        # `completed` only says that the transaction is over: whether it was approved stands in the result.
        if result["status"] != "approved":
            return Receipt("declined", why=result.get("host_response_text", result["status"]))
        return Receipt("approved", total=int(result["total_amount"]), reference=result.get("reference_no"))

    def _transact(self, resource: dict) -> dict:
        """Sends one request and stays until the terminal has said how it ended."""
        with self._connection() as link:
            flow_id = self._new_flow_id()
            _send(link, {"request": {"flow_id": flow_id, "resource": resource}})
            answer = _receive(link, "response", flow_id, self.answer_time)["resource"]
            if answer["status"] != "started":
                raise Refused(answer.get("error_info", {}).get("text", answer["status"]))
            while True:
                event = _receive(link, "event", flow_id, self.card_time)
                self.acknowledge(link, event)
                outcome = event["resource"]
                if outcome["status"] == "error":
                    return {"type": resource["type"], "status": outcome.get("error_info", {}).get("text", "error")}
                if outcome["status"] == "completed":
                    if not outcome.get("results"):
                        raise OutcomeUnknown("the terminal gave no result")
                    return outcome["results"][0]

    @contextmanager
    def _connection(self) -> Iterator[ClientConnection]:
        """A connection that is closed with code 1000, whatever the transaction came to."""
        try:
            # A terminal stands in the shop: no proxy leads to it.
            opened = connect(self.url + PAYMENT, open_timeout=self.answer_time, close_timeout=1, proxy=None)
        except (OSError, WebSocketException) as error:
            # Where nothing was sent, nothing was charged.
            raise Refused(f"no connection: {error}") from error
        with opened as link:
            try:
                yield link
            finally:
                # Before `with` does it: left with an exception, it closes with 1011, as if the POS had broken down.
                link.close()

    def _new_flow_id(self) -> str:
        """An id that this terminal has not been given before."""
        while True:
            flow_id = str(random.randint(100_000, 999_999))
            if flow_id not in self._flow_ids:
                self._flow_ids.add(flow_id)
                return flow_id


def _send(link: ClientConnection, message: dict) -> None:
    try:
        link.send(json.dumps(message))
    except ConnectionClosed as closed:
        raise OutcomeUnknown("the link was lost") from closed


def _receive(link: ClientConnection, kind: str, flow_id: str, patience: float) -> dict:
    """The next message of that kind and flow; others are left aside."""
    until = time.monotonic() + patience
    while True:
        try:
            text = link.recv(timeout=max(0.0, until - time.monotonic()))
        except TimeoutError as late:
            raise OutcomeUnknown("the terminal did not answer in time") from late
        except ConnectionClosed as closed:
            raise OutcomeUnknown("the link was lost") from closed
        try:
            message = json.loads(text)
        except ValueError:
            continue
        body = message.get(kind) if isinstance(message, dict) else None
        if isinstance(body, dict) and body.get("flow_id") == flow_id:
            return body
