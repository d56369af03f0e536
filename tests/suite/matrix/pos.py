"""A POS for the tests of `tilltape replay matrix`, on the standard library alone.

    pos.py MODE FOLDER

It keeps a journal in FOLDER, a file for each cell, and sells one thing for 2350.
"""

import base64
import json
import os
import random
import socket
import struct
import sys
import time

URL = os.environ["TILLTAPE_URL"]
CELL = os.environ["TILLTAPE_CELL"]
RESTARTED = os.environ["TILLTAPE_RESTARTED"] == "1"
MODE, FOLDER = sys.argv[1], sys.argv[2]
JOURNAL = os.path.join(FOLDER, CELL)
PATIENCE = 3.0


class Link:
    """A WebSocket, as far as this POS needs one."""

    def __init__(self):
        host, port = URL.removeprefix("ws://").split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=PATIENCE)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /tsi/v1/payment HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self.fill()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise ConnectionError(head.decode())

    def fill(self):
        data = self.socket.recv(4096)
        if not data:
            raise ConnectionError("the link ended")
        self.buffer += data

    def frame(self, opcode, payload):
        key = os.urandom(4)
        size = struct.pack("!B", 0x80 | len(payload)) if len(payload) < 126 else struct.pack("!BH", 0xFE, len(payload))
        masked = bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))
        self.socket.sendall(struct.pack("!B", 0x80 | opcode) + size + key + masked)

    def read(self):
        while len(self.buffer) < 2:
            self.fill()
        opcode, size, start = self.buffer[0] & 15, self.buffer[1] & 127, 2
        if size == 126:
            while len(self.buffer) < 4:
                self.fill()
            size, start = struct.unpack("!H", self.buffer[2:4])[0], 4
        while len(self.buffer) < start + size:
            self.fill()
        payload, self.buffer = self.buffer[start : start + size], self.buffer[start + size :]
        return opcode, payload

    def say(self, message):
        self.frame(1, json.dumps(message).encode())

    def hear(self):
        while True:
            opcode, payload = self.read()
            if opcode == 1:
                return json.loads(payload)
            if opcode == 8:
                raise ConnectionError("the terminal closed the link")

    def close(self):
        """Says goodbye; only the answer to it proves that what was said before has arrived."""
        self.frame(8, struct.pack("!H", 1000))
        while self.read()[0] != 8:
            pass
        self.socket.close()


def state():
    try:
        with open(JOURNAL, encoding="ascii") as journal:
            return journal.read()
    except FileNotFoundError:
        return "new"


def note(what):
    with open(JOURNAL, "w", encoding="ascii") as journal:
        journal.write(what)
        journal.flush()
        os.fsync(journal.fileno())


def ask(link, resource):
    """Asks for something, acknowledges what comes, gives the last result."""
    flow = str(random.randint(100000, 999999))
    link.say({"request": {"flow_id": flow, "resource": resource}})
    while True:
        message = link.hear()
        if "event" in message:
            link.say({"event_ack": {"flow_id": message["event"]["flow_id"], "resource": {"status": "ok"}}})
            if message["event"]["flow_id"] == flow:
                return message["event"]["resource"]["results"][-1]["status"]


def run():
    link = Link()
    if state() == "open" and MODE != "blind":
        if ask(link, {"type": "recall_last_transaction"}) != "approved":
            note("new")
    if state() == "new" or MODE == "blind":
        note("open")
        ask(link, {"type": "sale", "amount": 2350, "tip_amount": 300, "tender_type": "credit"})
    link.close()
    note("done")


def main():
    broken = CELL != "as-recorded"
    if MODE == "crash" and broken:
        sys.exit("the printer is out of paper, card 4111111111111111")
    if MODE == "hang" and broken:
        time.sleep(3600)
    for _ in range(6):
        try:
            return run()
        except OSError:
            if MODE == "flood":
                break
            time.sleep(0.2)
    if MODE == "flood":
        link = Link()
        link.socket.settimeout(None)
        key, text = b"\0\0\0\0", b'{"hello":"there"}'
        while True:
            link.socket.sendall((struct.pack("!BB", 0x81, 0x80 | len(text)) + key + text) * 100)
    sys.exit("gave up")


main()
