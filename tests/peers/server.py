"""A WebSocket server (PyPI `websockets`) for tests/suite/peers.rs; see README.md beside this file."""

import asyncio
import sys

from websockets.asyncio.server import serve

from scenarios import MAX_SIZE, ConnectionClosed, closing, frames, ping, receive


async def handle(socket):
    scenario = socket.request.path.rsplit("/", 1)[-1]
    try:
        while True:
            message = await receive(scenario, socket)
            if scenario == "fragments":
                await socket.send(frames(message, 3))
            elif scenario == "pings":
                await ping(scenario, socket, "server asks")
                await socket.send(message)
            elif scenario == "close-server":
                await socket.close(4002, "terminal restarts")
            elif scenario == "lost-server":
                await socket.send(message)
                socket.transport.abort()
            else:
                await socket.send(message)
    except ConnectionClosed:
        pass
    await closing(scenario, socket)


async def main():
    async with serve(handle, "127.0.0.1", 0, compression="deflate", max_size=MAX_SIZE, ping_interval=None) as server:
        print("port", server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        while server.connections:
            await asyncio.sleep(0.005)


asyncio.run(main())
