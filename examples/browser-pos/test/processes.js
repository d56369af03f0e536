// Starts the program for a test: the simulated terminal, the recorder, a terminal made of a cassette.

import { spawn, spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/** Where the program is; on the path unless `TILLTAPE` says otherwise. */
const TILLTAPE = process.env.TILLTAPE ?? 'tilltape';

/** Runs it to its end. */
export function tilltape(...options) {
  const { status, stdout, stderr } = spawnSync(TILLTAPE, options, { encoding: 'utf8' });
  return { code: status, text: stdout + stderr };
}

/** A terminal without a terminal: it takes every card, and the last two digits of the amount choose what happens. */
export async function simulatedTerminal(t, folder) {
  const port = join(folder, 'terminal.port');
  const { url } = await server(t, ['simulate', 'terminal', '--listen', '127.0.0.1:0', '--pace', 'instant'], port);
  return url;
}

/** The recorder in front of a terminal. */
export async function recorder(t, folder, upstream, cassette) {
  const port = join(folder, 'recorder.port');
  const options = ['record', '--listen', '127.0.0.1:0', '--upstream', upstream, '--pack', 'bluechip-tsi'];
  const { url, stop } = await server(t, [...options, '--out', cassette], port);
  return { url, stop };
}

/** A terminal made of a cassette. */
export async function replayTerminal(t, cassette, ...options) {
  const { child, ended } = start(t, ['replay', 'terminal', cassette, '--pace', 'instant', ...options]);
  const lines = createInterface({ input: child.stdout });
  const said = [];
  const ready = new Promise((resolve) => lines.on('line', (line) => (said.push(line), resolve(said[0]))));
  const early = ended.then(({ code, talk }) => Promise.reject(new Error(`exit ${code}: ${talk}`)));
  early.catch(() => {});
  return {
    url: JSON.parse(await Promise.race([ready, early])).url,
    /** Waits for the end: 0 is green, and the text says why it is not. */
    async verdict() {
      const { code, talk } = await ended;
      return { code, text: said.slice(1).join('\n') + talk };
    },
  };
}

/** A process that writes its port to a file once it accepts connections, and goes on until it is told to stop. */
async function server(t, options, portFile) {
  const { child, ended } = start(t, [...options, '--port-file', portFile]);
  child.stdout.resume();
  let over = null;
  ended.then((end) => (over = end));
  for (;;) {
    const port = await readFile(portFile, 'utf8').catch(() => '');
    if (port) {
      const stop = async () => {
        child.kill('SIGINT');
        return ended;
      };
      return { url: `ws://127.0.0.1:${port.trim()}`, stop };
    }
    if (over) throw new Error(`exit ${over.code}: ${over.talk}`);
    await sleep(10);
  }
}

function start(t, options) {
  const child = spawn(TILLTAPE, options, { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill());
  let talk = '';
  child.stderr.on('data', (data) => (talk += data));
  const ended = new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: null, talk: `cannot start ${TILLTAPE}: ${error.message}` }));
    child.once('close', (code) => resolve({ code, talk }));
  });
  return { child, ended };
}
