import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';

import { Pos } from '../src/pos.js';
import { replayTerminal } from './terminal.js';

const cassette = (name) => fileURLToPath(new URL(`../../../cassettes/bluechip-tsi/${name}.cassette.jsonl`, import.meta.url));

/** The terminal saw what the cassette has, and the POS kept the rules of the protocol. */
async function green(terminal) {
  const { code, verdict, conformance, text } = await terminal.verdict();
  assert.equal(code, 0, text);
  assert.equal(verdict, 'complete');
  assert.equal(conformance.verdict, 'CONFORMANT');
}

test('a sale with a tip is approved', async (t) => {
  const terminal = await replayTerminal(t, cassette('sale-approved'), '--check');
  const receipt = await new Pos(terminal.url).sale(2350, { tip: 300 });
  assert.deepEqual(receipt, { outcome: 'approved', total: 2650, reference: '58' });
  await green(terminal);
});

test('a decline is no sale, although the transaction is completed', async (t) => {
  const terminal = await replayTerminal(t, cassette('sale-declined'), '--check');
  const receipt = await new Pos(terminal.url).sale(4561);
  assert.deepEqual(receipt, { outcome: 'declined', why: 'INSUFF FUNDS' });
  await green(terminal);
});

test('a sale is voided by the reference that the terminal gave', async (t) => {
  const terminal = await replayTerminal(t, cassette('void-known-and-unknown'), '--check');
  const pos = new Pos(terminal.url);
  const sale = await pos.sale(2350);
  assert.equal((await pos.void(sale.reference)).outcome, 'approved');
  assert.equal((await pos.void('9001')).why, 'transaction_record_not_found');
  await green(terminal);
});

test('after a lost link the POS asks for the last transaction instead of selling again', async (t) => {
  const terminal = await replayTerminal(t, cassette('terminal-drops-link'), '--check');
  const receipt = await new Pos(terminal.url).sale(1275);
  assert.deepEqual(receipt, { outcome: 'approved', total: 1275, reference: '58', recovered: true });
  await green(terminal);
});

test('a terminal that falls silent is given up on, and asked', async (t) => {
  const terminal = await replayTerminal(t, cassette('terminal-silent'), '--check');
  const receipt = await new Pos(terminal.url, { cardTime: 300 }).sale(1271);
  assert.deepEqual(receipt, { outcome: 'declined', why: 'transaction_record_not_found' });
  await green(terminal);
});

test('where nobody can say what happened, the POS does not guess', async (t) => {
  // The link goes after `started`, and whatever the POS then asks is refused.
  const terminal = await replayTerminal(
    t,
    cassette('sale-approved'),
    ...['--fault', 'cut after response', '--unknown', 'answer-as-busy', '--patience', '1s'],
  );
  const receipt = await new Pos(terminal.url).sale(2350, { tip: 300 });
  assert.equal(receipt.outcome, 'unknown');
  assert.match(receipt.why, /the link was lost; asked for the last transaction: TSI busy/);
  const { code, faults, text } = await terminal.verdict();
  assert.equal(code, 0, text);
  assert.deepEqual(faults, [{ fault: 'cut after response', n: 3 }]);
});

test('a transaction that ends without a result is neither a sale nor a decline', async (t) => {
  // The cassette ends there, so that the question what became of it finds nobody.
  const terminal = await replayTerminal(t, cassette('terminal-no-results'));
  const receipt = await new Pos(terminal.url).sale(1276);
  assert.equal(receipt.outcome, 'unknown');
  assert.match(receipt.why, /^the terminal gave no result; asked for the last transaction: /);
  assert.equal((await terminal.verdict()).code, 0);
});

test('a POS that forgets to acknowledge is told what is missing', async (t) => {
  class Forgetful extends Pos {
    acknowledge() {}
  }
  const terminal = await replayTerminal(t, cassette('sale-approved'));
  await new Forgetful(terminal.url).sale(2350, { tip: 300 });
  const { code, verdict, summary, mismatch, text } = await terminal.verdict();
  assert.equal(code, 1, text);
  assert.equal(verdict, 'mismatch');
  assert.equal(summary, 'the POS sent close 1000 instead of sending its event_ack');
  assert.equal(mismatch.expected.purpose, 'acknowledges #4 (approval)');
  t.diagnostic(`the verdict on it:\n${text}`);
});
