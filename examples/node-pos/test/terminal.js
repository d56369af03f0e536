// Starts `tilltape replay terminal` for a test: a terminal made of a cassette, on a port of its own.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Where the program is; on the path unless `TILLTAPE` says otherwise. */
const TILLTAPE = process.env.TILLTAPE ?? 'tilltape';

/**
 * @param t the test; the terminal ends with it at the latest
 * @param {string} cassette
 * @param {...string} options of `tilltape replay terminal`
 */
export async function replayTerminal(t, cassette, ...options) {
  const child = spawn(TILLTAPE, ['replay', 'terminal', cassette, '--pace', 'instant', '--format', 'json', ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill());
  let talk = '';
  child.stderr.on('data', (data) => (talk += data));
  const ended = new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new Error(`cannot start ${TILLTAPE}: ${error.message}`)));
    child.once('close', resolve);
  });
  const lines = createInterface({ input: child.stdout });
  const rest = [];
  const first = new Promise((resolve) => {
    lines.once('line', (line) => {
      lines.on('line', (line) => rest.push(line));
      resolve(line);
    });
  });
  const ready = await Promise.race([first, ended.then((code) => Promise.reject(new Error(`exit ${code}: ${talk}`)))]);
  return {
    /** Where the POS is to connect. */
    url: JSON.parse(ready).url,
    /** Waits for the end. `verdict` is `complete` where all is well; `text` says what is not, for people. */
    async verdict() {
      const code = await ended;
      if (rest.length === 0) throw new Error(`exit ${code} without a verdict: ${talk}`);
      return { code, ...JSON.parse(rest.at(-1)) };
    },
  };
}
