// A WebSocket server (npm `ws`) for tests/suite/peers.rs; see README.md beside this file.
"use strict";

const { WebSocketServer } = require("ws");
const { logAll, sendInFrames } = require("./scenarios.js");

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: 0,
  maxPayload: 4 * 1024 * 1024,
  perMessageDeflate: { threshold: 0 },
});

server.on("listening", () => process.stdout.write(`port ${server.address().port}\n`));

server.on("connection", (socket, request) => {
  const scenario = request.url.split("/").pop();
  logAll(scenario, socket);
  socket.on("message", (data, binary) => {
    const message = binary ? data : data.toString();
    switch (scenario) {
      case "fragments":
        sendInFrames(socket, message, 3);
        break;
      case "pings":
        socket.once("pong", () => socket.send(message));
        socket.ping("server asks");
        break;
      case "close-server":
        socket.close(4002, "terminal restarts");
        break;
      case "lost-server":
        socket.send(message, () => socket.terminate());
        break;
      default:
        socket.send(message);
    }
  });
});

process.stdin.on("end", () => server.close());
process.stdin.resume();
