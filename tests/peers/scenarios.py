"""What both Python peers share: the payloads of the scenarios and the log of what was received."""

import hashlib
import json
import sys

from websockets.exceptions import ConnectionClosed

LETTERS = "the terminal asks the till and the till answers "
MAX_SIZE = 4 * 1024 * 1024


def text(mark, size):
    """One line of JSON of at least `size` bytes; `mark` keeps messages apart."""
    pad = (LETTERS * (size // len(LETTERS) + 1))[:size]
    return json.dumps({"request": {"flow_id": mark, "resource": {"type": "sale", "pad": pad}}})


def binary(size):
    return bytes(i * 7 % 251 for i in range(size))


def frames(data, count):
    """`data` in `count` pieces; the library sends each piece of an iterable as a frame of its own."""
    part = -(-len(data) // count)
    return [data[i * part : (i + 1) * part] for i in range(count)]


def log(scenario, got, **fields):
    print(json.dumps({"scenario": scenario, "got": got, **fields}), flush=True)


async def receive(scenario, socket):
    """The next message, logged."""
    message = await socket.recv()
    data = message.encode() if isinstance(message, str) else message
    got = "text" if isinstance(message, str) else "binary"
    log(scenario, got, size=len(data), sha256=hashlib.sha256(data).hexdigest())
    return message


async def ping(scenario, socket, payload):
    """Pings and waits for the answer, which the library gives only for the same payload."""
    await (await socket.ping(payload))
    log(scenario, "pong", hex=payload.encode().hex())


async def closing(scenario, socket):
    """Waits for the end of the connection and logs how it ended, as the other side put it."""
    await socket.wait_closed()
    close = socket.protocol.close_rcvd
    if close is None:
        log(scenario, "close", code=1006, reason="")
    else:
        log(scenario, "close", code=int(close.code), reason=close.reason)


def complain(scenario, error):
    print(f"{scenario}: {error!r}", file=sys.stderr, flush=True)


__all__ = ["ConnectionClosed", "MAX_SIZE", "binary", "closing", "complain", "frames", "log", "ping", "receive", "text"]
