"""A WebSocket client (PyPI `websockets`) for tests/suite/peers.rs; see README.md beside this file."""

import asyncio
import sys

from websockets.asyncio.client import connect
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from scenarios import MAX_SIZE, ConnectionClosed, binary, closing, frames, ping, receive, text

FRESH = ClientPerMessageDeflateFactory(
    server_no_context_takeover=True,
    client_no_context_takeover=True,
    server_max_window_bits=10,
    client_max_window_bits=10,
)


async def exchange(scenario, socket, message):
    await socket.send(message)
    await receive(scenario, socket)


async def fragments(scenario, socket):
    async def with_ping():
        first, *rest = frames(text("fragments-1", 900), 3)
        yield first
        await ping(scenario, socket, "between frames")
        for frame in rest:
            yield frame

    await exchange(scenario, socket, with_ping())
    await exchange(scenario, socket, frames(binary(3000), 2))
    await socket.close(1000)


async def pings(scenario, socket):
    await ping(scenario, socket, "client asks")
    await exchange(scenario, socket, text("pings-1", 40))
    await socket.close(1001, "till goes home")


async def compressed(scenario, socket):
    assert socket.protocol.extensions, "permessage-deflate was not negotiated"
    for i in range(1, 6):
        await exchange(scenario, socket, text(f"deflate-{i}", 20000))
    await socket.close(1000)


async def big(scenario, socket):
    await exchange(scenario, socket, text("big-1", 1024 * 1024))
    await exchange(scenario, socket, binary(1024 * 1024))
    await socket.close(1000)


async def close_client(scenario, socket):
    await exchange(scenario, socket, text("close-client-1", 40))
    await socket.close(3001, "till says goodbye \u2713")


async def close_server(scenario, socket):
    await socket.send(text("close-server-1", 40))


async def close_bare(scenario, socket):
    await exchange(scenario, socket, text("close-bare-1", 40))
    await socket.close()


async def lost_client(scenario, socket):
    await exchange(scenario, socket, text("lost-client-1", 40))
    socket.transport.abort()


async def lost_server(scenario, socket):
    await exchange(scenario, socket, text("lost-server-1", 40))


SCENARIOS = {
    "fragments": fragments,
    "pings": pings,
    "deflate": compressed,
    "deflate-fresh": compressed,
    "big": big,
    "close-client": close_client,
    "close-server": close_server,
    "close-bare": close_bare,
    "lost-client": lost_client,
    "lost-server": lost_server,
}


async def main(url):
    for scenario, play in SCENARIOS.items():
        compression = "deflate" if scenario == "deflate" else None
        extensions = [FRESH] if scenario == "deflate-fresh" else None
        socket = await connect(
            f"{url}/{scenario}",
            compression=compression,
            extensions=extensions,
            max_size=MAX_SIZE,
            ping_interval=None,
            proxy=None,
        )
        try:
            await play(scenario, socket)
            while True:
                await receive(scenario, socket)
        except ConnectionClosed:
            pass
        await closing(scenario, socket)


asyncio.run(main(sys.argv[1]))
