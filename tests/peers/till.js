// A till (npm `ws`) that makes one sale at URL, for tests/suite/replay/peers.rs; prints the receipt.
"use strict";

const { WebSocket } = require("ws");

function sell(url, amount) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url}/tsi/v1/payment`);
    const flow = String(100000 + Math.floor(Math.random() * 900000));
    const say = (kind, resource) => socket.send(JSON.stringify({ [kind]: { flow_id: flow, resource } }));
    let receipt = { status: "no event" };
    socket.on("open", () => say("request", { type: "sale", amount, tender_type: "credit" }));
    socket.on("message", (data) => {
      const { event } = JSON.parse(data.toString());
      if (event === undefined || event.flow_id !== flow) return;
      receipt = { status: event.resource.results[0].status, amount: event.resource.results[0].transaction_amount };
      say("event_ack", { status: "ok" });
      socket.close(1000);
    });
    socket.on("close", () => resolve(receipt));
    socket.on("error", reject);
  });
}

sell(process.argv[2], Number(process.argv[3])).then(
  (receipt) => process.stdout.write(`${JSON.stringify(receipt)}\n`),
  (error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exitCode = 1;
  },
);
