// A terminal (npm `ws`) that declines every sale, for tests/suite/replay/peers.rs; see README.md beside this file.
"use strict";

const { WebSocketServer } = require("ws");

const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });

server.on("listening", () => process.stdout.write(`port ${server.address().port}\n`));

server.on("connection", (socket) => {
  socket.on("message", (data) => {
    const { request } = JSON.parse(data.toString());
    if (request === undefined) return;
    const say = (kind, resource) =>
      socket.send(JSON.stringify({ [kind]: { resource, flow_id: request.flow_id } }));
    say("response", { status: "started" });
    const amount = String(request.resource.amount);
    const result = {
      transaction_time: "10:19:02",
      transaction_date: "26/03/02",
      merchant_id: "M55001",
      terminal_id: "T0007",
      host_response_text: "INSUFF FUNDS",
      host_response_code: "51",
      total_amount: amount,
      transaction_amount: amount,
      status: "decline_by_host_or_card",
      type: "sale",
      card: { type: { text: "visa", code: "01" }, entry_mode: { text: "tap", code: "5" }, account_no: "************1117" },
    };
    setTimeout(() => say("event", { results: [result], status: "completed" }), 20);
  });
});

process.stdin.on("end", () => server.close());
process.stdin.resume();
