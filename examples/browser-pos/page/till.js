// The till: menu, order, tip, receipt. Where the terminal waits stands in the address of the page:
// `index.html?terminal=ws://192.168.1.50:50000`; `&patience=2` shortens how many seconds it has to end a transaction.
'use strict';

const MENU = [
  ['Espresso', 280, 'hot'],
  ['Flat white', 420, 'hot'],
  ['Chai', 390, 'hot'],
  ['Iced tea', 390, 'cold'],
  ['Orange juice', 450, 'cold'],
  ['Lemonade', 380, 'cold'],
  ['Croissant', 320, 'sweet'],
  ['Cheesecake', 561, 'sweet'],
  ['Banana bread', 410, 'sweet'],
  ['Club sandwich', 890, 'meal'],
  ['Granola bowl', 750, 'meal'],
  ['Tomato soup', 680, 'meal'],
];
const TIPS = [0, 10, 15, 20];

const at = (id) => document.getElementById(id);
const asked = new URLSearchParams(location.search);
const money = (cents) => (cents / 100).toFixed(2);

const LINK = {
  connecting: 'Asking the terminal …',
  card: 'Terminal has the guest',
  asking: 'Asking what became of it …',
  idle: 'Terminal ready',
  lost: 'Terminal lost',
};

const terminal = new Terminal(
  asked.get('terminal') ?? 'ws://127.0.0.1:50000',
  { answer: 5_000, card: 1_000 * Number(asked.get('patience') ?? 60) },
  (state) => {
    at('link').dataset.state = state;
    at('link').lastElementChild.textContent = LINK[state];
    if (state === 'card') show('busy', 'Guest: insert, tap or swipe the card');
  },
);

/** What the guest would like: how often each item of the menu, by its place. */
let order = new Map();
let tipRate = 0;
/** The last sale that can be taken back. */
let last = null;
/** Whether nobody knows yet what became of the last transaction: until somebody does, nothing else is begun. */
let unsettled = false;

const subtotal = () => [...order].reduce((sum, [item, count]) => sum + MENU[item][1] * count, 0);
const tip = () => Math.round((subtotal() * tipRate) / 100);

function draw() {
  at('lines').replaceChildren(
    ...[...order].map(([item, count]) => {
      const [name, price] = MENU[item];
      const line = element('li', element('span', name), element('b', money(price * count)));
      if (count > 1) line.firstChild.append(element('small', ` × ${count}`));
      return line;
    }),
  );
  for (const choice of at('tips').querySelectorAll('input')) choice.checked = Number(choice.value) === tipRate;
  at('empty').hidden = order.size > 0;
  at('subtotal').textContent = money(subtotal());
  at('tip').textContent = money(tip());
  at('total').textContent = money(subtotal() + tip());
  at('pay').textContent = order.size > 0 ? `Pay ${money(subtotal() + tip())} by card` : 'Pay by card';
  for (const button of document.querySelectorAll('main button, main input')) button.disabled = unsettled;
  for (const button of document.querySelectorAll('#status button')) button.disabled = false;
  for (const id of ['pay', 'clear']) at(id).disabled ||= order.size === 0;
  at('void').disabled ||= last === null;
}

async function pay() {
  const sold = { lines: [...order].map(([item, count]) => [MENU[item], count]), amount: subtotal(), tip: tip() };
  const ended = await withTerminal(() => terminal.sale(sold.amount, sold.tip));
  const paid = (reference) => {
    last = reference ? { reference, sold } : null;
    order = new Map();
    tipRate = 0;
  };
  if (ended.outcome === 'unknown') {
    settle(ended, 'Was it paid?', { 'It was paid': () => paid(null), 'It was not': () => {} });
  } else {
    const titles = { approved: 'Paid. Thank you!', declined: 'Declined: no sale', refused: 'Refused: no sale' };
    show(ended.outcome, titles[ended.outcome], ended.outcome === 'approved' ? '' : ended.why);
    if (ended.result) print(receipt('SALE', sold, ended));
    if (ended.outcome === 'approved') paid(ended.result.reference_no);
  }
  draw();
}

async function takeBack() {
  const { reference, sold } = last;
  const ended = await withTerminal(() => terminal.void(reference));
  if (ended.outcome === 'unknown') {
    settle(ended, 'Was it voided?', { 'It was voided': () => (last = null), 'It was not': () => {} });
  } else {
    const good = ended.outcome === 'approved';
    show(ended.outcome, good ? 'Voided: nothing was charged' : 'Not voided', good ? '' : ended.why);
    if (ended.result) print(receipt('VOID', sold, ended));
    if (good) last = null;
  }
  draw();
}

/** Nobody knows how it ended but the terminal itself: the cashier looks there, and says. */
function settle({ why }, question, answers) {
  unsettled = true;
  show('unknown', `${question} Look at the terminal.`, why);
  const choices = Object.entries(answers).map(([answer, then]) => {
    const button = element('button', answer);
    button.addEventListener('click', () => {
      unsettled = false;
      then();
      show('idle', `${answer}, says the terminal`);
      draw();
    });
    return button;
  });
  const row = element('div', ...choices);
  row.className = 'pair';
  at('status').append(row);
}

/** One transaction at a time: nothing else can be pressed meanwhile. */
async function withTerminal(work) {
  at('receipt').hidden = true;
  show('busy', 'Asking the terminal …');
  for (const control of document.querySelectorAll('main button, main input')) control.disabled = true;
  return work();
}

function show(state, title, why = '') {
  at('status').dataset.state = state;
  at('status').replaceChildren(element('strong', title), ...(why ? [element('span', why)] : []));
}

function print(text) {
  at('receipt').textContent = text;
  at('receipt').hidden = false;
}

/** A receipt as it comes out of a printer of 32 columns. */
function receipt(title, sold, { outcome, why, result }) {
  const width = 32;
  const sides = (left, right) => left.padEnd(width - right.length) + right;
  const middle = (text) => ' '.repeat(Math.max(0, (width - text.length) >> 1)) + text;
  const rule = '-'.repeat(width);
  const card = [result.card?.type?.text?.toUpperCase(), result.card?.account_no].filter(Boolean);
  const lines = [
    middle('CORNER CAFÉ'),
    middle('12 Harbour Lane'),
    '',
    ...(result.transaction_date ? [sides(result.transaction_date, result.transaction_time ?? '')] : []),
    ...(result.terminal_id ? [sides(`TERMINAL ${result.terminal_id}`, result.merchant_id ?? '')] : []),
    rule,
    ...sold.lines.map(([[name, price], count]) => sides(count > 1 ? `${count} × ${name}` : name, money(price * count))),
    rule,
    ...(sold.tip > 0 ? [sides('SUBTOTAL', money(sold.amount)), sides('TIP', money(sold.tip))] : []),
    sides(`${title} TOTAL`, money(Number(result.total_amount ?? sold.amount + sold.tip))),
    '',
    ...(card.length > 0 ? [card.join(' ')] : []),
    ...(result.card?.entry_mode ? [result.card.entry_mode.text.replaceAll('_', ' ').toUpperCase()] : []),
    ...(result.authorization_no ? [sides('AUTH', result.authorization_no)] : []),
    ...(result.reference_no ? [sides('REF', result.reference_no)] : []),
    '',
    middle(outcome === 'approved' ? `** ${why.toUpperCase()} **` : `** NOT PAID: ${why.toUpperCase()} **`),
  ];
  return lines.join('\n');
}

function element(name, ...children) {
  const made = document.createElement(name);
  made.append(...children);
  return made;
}

at('menu').append(
  ...MENU.map(([name, price, kind], item) => {
    const button = element('button', element('span', name), element('b', money(price)));
    button.className = kind;
    button.addEventListener('click', () => {
      order.set(item, (order.get(item) ?? 0) + 1);
      draw();
    });
    return button;
  }),
);
at('tips').append(
  ...TIPS.map((rate) => {
    const choice = element('input');
    Object.assign(choice, { type: 'radio', name: 'tip', value: rate });
    choice.addEventListener('change', () => {
      tipRate = rate;
      draw();
    });
    return element('label', choice, element('span', rate === 0 ? 'none' : `${rate} %`));
  }),
);
at('pay').addEventListener('click', pay);
at('clear').addEventListener('click', () => {
  order = new Map();
  draw();
});
at('void').addEventListener('click', takeBack);
draw();
