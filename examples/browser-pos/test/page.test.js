// The page in a real browser: recorded once before the simulated terminal, then replayed. Both runs show the same
// receipts. `SCREENSHOTS=DIR` keeps pictures of what the cashier sees.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

import { recorder, replayTerminal, simulatedTerminal, tilltape } from './processes.js';

const PAGE = new URL('../page/index.html', import.meta.url);

let browser;
let folder;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'browser-pos-'));
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    timeout: 120_000,
    // A container has no sandbox to give; nothing is loaded but this page.
    args: [
      ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
      ...['--disable-component-update', '--disable-sync'],
    ],
  });
});

after(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});

/** A cashier before the till. */
async function cashier(t, terminal, query = '') {
  const page = await browser.newPage({ viewport: { width: 1280, height: 760 } });
  t.after(() => page.close());
  // A machine that builds other things meanwhile is slow.
  page.setDefaultTimeout(45_000);
  page.on('pageerror', (error) => assert.fail(`the page failed: ${error.message}`));
  await page.goto(`${PAGE}?terminal=${terminal}${query}`);
  const press = (name) => page.getByRole('button', { name }).click();
  return {
    press,
    tip: (rate) => page.getByText(rate, { exact: true }).click(),
    /** Waits until the till says so. */
    sees: (text) => page.getByRole('status').getByText(text).waitFor(),
    isLocked: (name) => page.getByRole('button', { name }).isDisabled(),
    receipt: () => page.locator('#receipt').textContent(),
    async picture(name) {
      if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`) });
    },
  };
}

/** A quarter of an hour at the café: a sale with a tip, one that is declined, and the first one taken back. */
async function serveGuests(guest, name) {
  const receipts = [];
  await guest.press('Flat white');
  await guest.press('Flat white');
  await guest.press('Croissant');
  await guest.tip('15 %');
  await guest.picture(`${name}-1-order`);
  await guest.press(/^Pay 13\.34/);
  await guest.sees('Paid. Thank you!');
  await guest.picture(`${name}-2-paid`);
  receipts.push(await guest.receipt());

  await guest.press('Cheesecake');
  await guest.press(/^Pay 5\.61/);
  await guest.sees('Declined: no sale');
  await guest.picture(`${name}-3-declined`);
  receipts.push(await guest.receipt());

  await guest.press('Void last sale');
  await guest.sees('Voided: nothing was charged');
  await guest.picture(`${name}-4-voided`);
  receipts.push(await guest.receipt());
  return receipts;
}

test('a recorded run and its replay show the same receipts', async (t) => {
  const cassette = join(folder, 'café.cassette.jsonl');

  const device = await simulatedTerminal(t, folder);
  const tape = await recorder(t, folder, device, cassette);
  const recorded = await serveGuests(await cashier(t, tape.url), 'recorded');
  const { code, talk } = await tape.stop();
  assert.equal(code, 0, talk);
  assert.match(recorded[0], /SALE TOTAL +13\.34/);
  assert.match(recorded[1], /NOT PAID: INSUFF FUNDS/);
  assert.match(recorded[2], /VOID TOTAL +13\.34/);

  const checked = tilltape('check', cassette);
  assert.equal(checked.code, 0, checked.text);
  const rehearsed = tilltape('replay', 'self', cassette);
  assert.equal(rehearsed.code, 0, rehearsed.text);

  const terminal = await replayTerminal(t, cassette, '--check');
  const replayed = await serveGuests(await cashier(t, terminal.url), 'replayed');
  const verdict = await terminal.verdict();
  assert.equal(verdict.code, 0, verdict.text);
  assert.deepEqual(replayed, recorded);
  t.diagnostic(`the receipt:\n${replayed[0]}`);

  await t.test('and where the link goes, the page does not sell twice', async (t) => {
    const faults = ['--fault', 'cut after response', '--unknown', 'answer-as-busy', '--patience', '2s'];
    const terminal = await replayTerminal(t, cassette, ...faults);
    const guest = await cashier(t, terminal.url);
    await guest.press('Flat white');
    await guest.press('Flat white');
    await guest.press('Croissant');
    await guest.tip('15 %');
    await guest.press(/^Pay 13\.34/);
    await guest.sees('Was it paid? Look at the terminal.');
    await guest.picture('fault-cut');
    assert.ok(await guest.isLocked(/^Pay/), 'until somebody has looked, nothing can be sold');
    await guest.press('It was not');
    assert.ok(!(await guest.isLocked(/^Pay/)));
    const { text } = await terminal.verdict();
    assert.match(text, /fault +cut after response: struck/);
    assert.match(text, /answered as busy/);
  });
});
