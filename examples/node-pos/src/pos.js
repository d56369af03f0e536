// A small POS for terminals that speak TSI over WebSocket: sale, void, last transaction.
//
// One connection a transaction. Every event is acknowledged. A transaction whose end the POS did not see is never
// tried again: the POS asks the terminal for its last transaction, and says `unknown` where that does not help.

import { WebSocket } from 'ws';

const PAYMENT = '/tsi/v1/payment';
const RECALL = 'recall_last_transaction';

/** The terminal did not say in time what became of a transaction, or the link went. */
class OutcomeUnknown extends Error {}

/** The terminal refused a request: nothing happened. */
class Refused extends Error {}

export class Pos {
  /** The reference of the last transaction whose end this POS has seen; one in a shop keeps it over a restart. */
  #lastReference = null;
  /** A terminal is never given the same id twice. */
  #flowIds = new Set();

  /**
   * @param {string} url where the terminal waits: `ws://192.168.1.50:50000`
   * @param {{answerTime?: number, cardTime?: number}} [patience] how long it has, in milliseconds, to answer a
   *   request, and to say how the transaction ended
   */
  constructor(url, { answerTime = 5_000, cardTime = 60_000 } = {}) {
    this.url = url;
    this.patience = { answerTime, cardTime };
  }

  /** Sells for an amount in cents. */
  async sale(amount, { tip } = {}) {
    const request = { type: 'sale', amount, ...(tip === undefined ? {} : { tip_amount: tip }), tender_type: 'credit' };
    return this.#pay(request);
  }

  /** Takes back a transaction of this batch. */
  async void(reference) {
    return this.#pay({ type: 'void', reference_no: reference });
  }

  /** @returns a receipt: `outcome` is `approved`, `declined`, `refused` or `unknown` */
  async #pay(request) {
    try {
      return this.#receipt(await this.#transact(request));
    } catch (error) {
      if (error instanceof Refused) return { outcome: 'refused', why: error.message };
      if (error instanceof OutcomeUnknown) return this.#recover(request, error.message);
      throw error;
    }
  }

  /**
   * Asks what became of a transaction whose end was not seen. A terminal that still works on it says that it is
   * busy; one that answers has nothing more to come.
   */
  async #recover(request, why) {
    try {
      const last = await this.#transact({ type: RECALL });
      if (this.#isThatOf(last, request)) return { ...this.#receipt(last), recovered: true };
      if (last.status === 'transaction_record_not_found') return { outcome: 'declined', why: last.status };
      // An answer that is no transaction says nothing about one.
      if (last.type === RECALL) return { outcome: 'unknown', why: `${why}; asked for the last transaction: ${last.status}` };
      return { outcome: 'declined', why: 'the terminal has not taken it' };
    } catch (error) {
      if (!(error instanceof Refused || error instanceof OutcomeUnknown)) throw error;
      return { outcome: 'unknown', why: `${why}; asked for the last transaction: ${error.message}` };
    }
  }

  /** Whether the last transaction of the terminal is the one this POS asked for, and not one before it. */
  #isThatOf(last, request) {
    if (last.type !== request.type) return false;
    if (request.type === 'void') return last.reference_no === request.reference_no;
    return last.transaction_amount === String(request.amount) && last.reference_no !== this.#lastReference;
  }

  #receipt(result) {
    this.#lastReference = result.reference_no ?? this.#lastReference;
    // `completed` only says that the transaction is over: whether it was approved stands in the result.
    if (result.status !== 'approved') return { outcome: 'declined', why: result.host_response_text ?? result.status };
    return { outcome: 'approved', total: Number(result.total_amount), reference: result.reference_no };
  }

  /** Sends one request and stays until the terminal has said how it ended. */
  async #transact(resource) {
    const link = await Link.open(this.url + PAYMENT, this.patience.answerTime);
    try {
      const flowId = this.#newFlowId();
      link.send({ request: { flow_id: flowId, resource } });
      const { response } = await link.next((message) => message.response?.flow_id === flowId, this.patience.answerTime);
      if (response.resource.status !== 'started') {
        throw new Refused(response.resource.error_info?.text ?? response.resource.status);
      }
      for (;;) {
        const { event } = await link.next((message) => message.event?.flow_id === flowId, this.patience.cardTime);
        this.acknowledge(link, event);
        const { status, results, error_info: error } = event.resource;
        if (status === 'error') return { type: resource.type, status: error?.text ?? 'error' };
        if (status !== 'completed') continue;
        if (!results?.[0]) throw new OutcomeUnknown('the terminal gave no result');
        return results[0];
      }
    } finally {
      await link.close();
    }
  }

  #newFlowId() {
    let id;
    do id = String(Math.floor(100_000 + Math.random() * 900_000));
    while (this.#flowIds.has(id));
    this.#flowIds.add(id);
    return id;
  }

  /** Says that an event has come. A terminal may keep a transaction open, or reverse it, until it hears that. */
  acknowledge(link, event) {
    link.send({ event_ack: { flow_id: event.flow_id, resource: { status: 'ok' } } });
  }
}

/** A connection on which messages can be awaited. */
class Link {
  #waiting = null;
  #messages = [];
  #lost = false;

  static open(url, time) {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url, { handshakeTimeout: time });
      socket.once('open', () => resolve(new Link(socket)));
      // Where nothing was sent, nothing was charged.
      socket.once('error', (error) => reject(new Refused(`no connection: ${error.message}`)));
    });
  }

  constructor(socket) {
    this.socket = socket;
    socket.on('message', (data) => {
      this.#messages.push(parsed(data));
      this.#waiting?.();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#lost = true;
      this.#waiting?.();
    });
  }

  send(message) {
    this.socket.send(JSON.stringify(message), () => {});
  }

  /** The next message that is meant; others are left aside. */
  async next(meant, time) {
    const until = Date.now() + time;
    for (;;) {
      while (this.#messages.length > 0) {
        const message = this.#messages.shift();
        if (meant(message)) return message;
      }
      if (this.#lost) throw new OutcomeUnknown('the link was lost');
      if (Date.now() >= until) throw new OutcomeUnknown('the terminal did not answer in time');
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, until - Date.now());
        this.#waiting = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  async close() {
    if (this.#lost) return;
    const closed = new Promise((resolve) => this.socket.once('close', resolve));
    this.socket.close(1000);
    // A terminal that does not answer the close frame cannot hold the POS.
    const timer = setTimeout(() => this.socket.terminate(), 1_000);
    await closed;
    clearTimeout(timer);
  }
}

function parsed(data) {
  try {
    return JSON.parse(data.toString());
  } catch {
    return {};
  }
}
