"""A till (PyPI `websockets`) that makes one sale at URL, for tests/suite/replay/peers.rs; prints the receipt."""

import asyncio
import json
import random
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed


async def sell(url, amount):
    flow = str(random.randint(100000, 999999))
    receipt = {"status": "no event"}
    async with connect(f"{url}/tsi/v1/payment", proxy=None) as socket:

        async def say(kind, resource):
            await socket.send(json.dumps({kind: {"flow_id": flow, "resource": resource}}))

        await say("request", {"type": "sale", "amount": amount, "tender_type": "credit"})
        try:
            async for message in socket:
                event = json.loads(message).get("event")
                if event is None or event["flow_id"] != flow:
                    continue
                result = event["resource"]["results"][0]
                receipt = {"status": result["status"], "amount": result["transaction_amount"]}
                await say("event_ack", {"status": "ok"})
                await socket.close(1000)
        except ConnectionClosed:
            pass
    return receipt


print(json.dumps(asyncio.run(sell(sys.argv[1], int(sys.argv[2]))), separators=(",", ":")))
