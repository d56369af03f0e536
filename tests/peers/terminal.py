"""A terminal (PyPI `websockets`) that declines every sale, for tests/suite/replay/peers.rs; see README.md."""

import asyncio
import json
import sys

from websockets.asyncio.server import serve


async def attend(socket):
    async for message in socket:
        request = json.loads(message).get("request")
        if request is None:
            continue

        async def say(kind, resource):
            await socket.send(json.dumps({kind: {"resource": resource, "flow_id": request["flow_id"]}}))

        await say("response", {"status": "started"})
        await asyncio.sleep(0.02)
        amount = str(request["resource"]["amount"])
        result = {
            "status": "decline_by_host_or_card",
            "type": "sale",
            "transaction_amount": amount,
            "total_amount": amount,
            "host_response_code": "51",
            "host_response_text": "INSUFF FUNDS",
            "terminal_id": "T0007",
            "merchant_id": "M55001",
            "card": {
                "account_no": "************1117",
                "entry_mode": {"code": "5", "text": "tap"},
                "type": {"code": "01", "text": "visa"},
            },
            "transaction_date": "26/03/02",
            "transaction_time": "10:19:02",
        }
        await say("event", {"status": "completed", "results": [result]})


async def main():
    async with serve(attend, "127.0.0.1", 0) as server:
        print(f"port {server.sockets[0].getsockname()[1]}", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
