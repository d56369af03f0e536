// What both Node peers share: the payloads of the scenarios and the log of what was received.
"use strict";

const crypto = require("node:crypto");

const BINARY = (size) => Buffer.from(Array.from({ length: size }, (_, i) => (i * 7) % 251));
const LETTERS = "the terminal asks the till and the till answers ";

/** One line of JSON of at least `size` bytes; `mark` keeps messages apart. */
function text(mark, size) {
  const pad = LETTERS.repeat(Math.ceil(size / LETTERS.length)).slice(0, size);
  return JSON.stringify({ request: { flow_id: mark, resource: { type: "sale", pad } } });
}

function log(scenario, got, fields) {
  process.stdout.write(JSON.stringify({ scenario, got, ...fields }) + "\n");
}

/** Logs everything that arrives on `socket`. */
function logAll(scenario, socket) {
  socket.on("message", (data, binary) =>
    log(scenario, binary ? "binary" : "text", {
      size: data.length,
      sha256: crypto.createHash("sha256").update(data).digest("hex"),
    }),
  );
  socket.on("pong", (data) => log(scenario, "pong", { hex: data.toString("hex") }));
  socket.on("close", (code, reason) => log(scenario, "close", { code, reason: reason.toString() }));
  socket.on("error", (error) => process.stderr.write(`${scenario}: ${error.message}\n`));
}

/** Sends `data` as `count` frames; `between` runs after the first. */
function sendInFrames(socket, data, count, between = () => {}) {
  const bytes = Buffer.from(data);
  const binary = Buffer.isBuffer(data);
  const part = Math.ceil(bytes.length / count);
  for (let i = 0; i < count; i += 1) {
    const fin = i === count - 1;
    socket.send(bytes.subarray(i * part, fin ? bytes.length : (i + 1) * part), { binary, fin });
    if (i === 0) between();
  }
}

module.exports = { BINARY, text, logAll, sendInFrames };
