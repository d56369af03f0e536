// A WebSocket client (npm `ws`) for tests/suite/peers.rs; see README.md beside this file.
"use strict";

const { once } = require("node:events");
const { WebSocket } = require("ws");
const { BINARY, text, logAll, sendInFrames } = require("./scenarios.js");

const FRESH = {
  threshold: 0,
  clientNoContextTakeover: true,
  serverNoContextTakeover: true,
  clientMaxWindowBits: 10,
  serverMaxWindowBits: 10,
};

const SCENARIOS = {
  async fragments(socket) {
    let answer = once(socket, "message");
    sendInFrames(socket, text("fragments-1", 900), 3, () => socket.ping("between frames"));
    await answer;
    answer = once(socket, "message");
    sendInFrames(socket, BINARY(3000), 2);
    await answer;
    socket.close(1000);
  },
  async pings(socket) {
    const pong = once(socket, "pong");
    socket.ping("client asks");
    await pong;
    await exchange(socket, text("pings-1", 40));
    socket.close(1001, "till goes home");
  },
  deflate: compressed,
  "deflate-fresh": compressed,
  async big(socket) {
    await exchange(socket, text("big-1", 1024 * 1024));
    await exchange(socket, BINARY(1024 * 1024));
    socket.close(1000);
  },
  async "close-client"(socket) {
    await exchange(socket, text("close-client-1", 40));
    socket.close(3001, "till says goodbye \u2713");
  },
  async "close-server"(socket) {
    socket.send(text("close-server-1", 40));
  },
  async "close-bare"(socket) {
    await exchange(socket, text("close-bare-1", 40));
    socket.close();
  },
  async "lost-client"(socket) {
    await exchange(socket, text("lost-client-1", 40));
    socket.terminate();
  },
  async "lost-server"(socket) {
    socket.send(text("lost-server-1", 40));
  },
};

async function compressed(socket) {
  for (let i = 1; i <= 5; i += 1) {
    await exchange(socket, text(`deflate-${i}`, 20000));
  }
  socket.close(1000);
}

async function exchange(socket, message) {
  const answer = once(socket, "message");
  socket.send(message);
  await answer;
}

function deflateFor(scenario) {
  if (scenario === "deflate") return { threshold: 0 };
  return scenario === "deflate-fresh" ? FRESH : false;
}

async function main(url) {
  for (const [scenario, play] of Object.entries(SCENARIOS)) {
    const socket = new WebSocket(`${url}/${scenario}`, { perMessageDeflate: deflateFor(scenario) });
    logAll(scenario, socket);
    const closed = new Promise((resolve) => socket.on("close", resolve));
    await once(socket, "open");
    if (scenario.startsWith("deflate") && socket.extensions === "") {
      throw new Error("permessage-deflate was not negotiated");
    }
    await play(socket);
    await closed;
  }
}

main(process.argv[2]).catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
});
