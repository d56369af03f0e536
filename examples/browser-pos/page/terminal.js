// The payment terminal, as a web page reaches it: TSI over WebSocket. One connection a transaction; every event is
// acknowledged; a transaction whose end was not seen is asked for, and never tried again.
'use strict';

const RECALL = 'recall_last_transaction';

/** The terminal did not say in time what became of a transaction, or the link went. */
class OutcomeUnknown extends Error {}

/** The terminal refused a request: nothing happened. */
class Refused extends Error {}

class Terminal {
  #url;
  #patience;
  #tell;
  #flowIds = new Set();
  #lastReference = null;

  /**
   * @param {string} url where it waits: `ws://192.168.1.50:50000`
   * @param {{answer: number, card: number}} patience how long it has to answer, and to end a transaction, in milliseconds
   * @param {(state: 'connecting'|'card'|'asking'|'idle'|'lost') => void} tell hears what is going on
   */
  constructor(url, patience, tell) {
    this.#url = url;
    this.#patience = patience;
    this.#tell = tell;
  }

  sale(amount, tip) {
    return this.#pay({ type: 'sale', amount, ...(tip > 0 ? { tip_amount: tip } : {}), tender_type: 'credit' });
  }

  void(reference) {
    return this.#pay({ type: 'void', reference_no: reference });
  }

  /** @returns {Promise<{outcome: string, why?: string, result?: object}>} approved, declined, refused or unknown */
  async #pay(request) {
    try {
      return this.#judged(await this.#transact(request, 'card'));
    } catch (error) {
      if (error instanceof Refused) return { outcome: 'refused', why: error.message };
      if (error instanceof OutcomeUnknown) return this.#recover(request, error.message);
      throw error;
    }
  }

  /** A terminal that still works on a transaction says that it is busy; one that answers has nothing more to come. */
  async #recover(request, why) {
    try {
      const last = await this.#transact({ type: RECALL }, 'asking');
      if (this.#isThatOf(last, request)) return this.#judged(last);
      // An answer that is no transaction says nothing about one.
      if (last.type === RECALL && last.status !== 'transaction_record_not_found') throw new OutcomeUnknown(last.status);
      return { outcome: 'declined', why: 'not taken' };
    } catch (error) {
      if (!(error instanceof Refused || error instanceof OutcomeUnknown)) throw error;
      this.#tell('lost');
      return { outcome: 'unknown', why: `${why}; asked again: ${error.message}` };
    }
  }

  #isThatOf(last, request) {
    if (last.type !== request.type) return false;
    if (request.type === 'void') return last.reference_no === request.reference_no;
    return last.transaction_amount === String(request.amount) && last.reference_no !== this.#lastReference;
  }

  #judged(result) {
    this.#lastReference = result.reference_no ?? this.#lastReference;
    // `completed` only says that the transaction is over: whether it was approved stands in the result.
    const outcome = result.status === 'approved' ? 'approved' : 'declined';
    return { outcome, why: result.host_response_text ?? result.status.replaceAll('_', ' '), result };
  }

  async #transact(resource, state) {
    this.#tell('connecting');
    const link = await Link.open(`${this.#url}/tsi/v1/payment`, this.#patience.answer);
    try {
      const flowId = this.#newFlowId();
      link.send({ request: { flow_id: flowId, resource } });
      const answer = (await link.next('response', flowId, this.#patience.answer)).resource;
      if (answer.status !== 'started') throw new Refused(answer.error_info?.text ?? answer.status);
      this.#tell(state);
      for (;;) {
        const event = await link.next('event', flowId, this.#patience.card);
        link.send({ event_ack: { flow_id: flowId, resource: { status: 'ok' } } });
        const { status, results, error_info: error } = event.resource;
        if (status === 'error') return { type: resource.type, status: error?.text ?? 'error' };
        if (status !== 'completed') continue;
        if (!results?.[0]) throw new OutcomeUnknown('the terminal gave no result');
        return results[0];
      }
    } finally {
      await link.close();
      this.#tell('idle');
    }
  }

  #newFlowId() {
    let id;
    do id = String(100_000 + (crypto.getRandomValues(new Uint32Array(1))[0] % 900_000));
    while (this.#flowIds.has(id));
    this.#flowIds.add(id);
    return id;
  }
}

/** A connection on which messages can be awaited. */
class Link {
  #socket;
  #messages = [];
  #wake = () => {};

  static open(url, time) {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url);
      const timer = setTimeout(() => socket.close(), time);
      socket.onopen = () => {
        clearTimeout(timer);
        resolve(new Link(socket));
      };
      // Where nothing was sent, nothing was charged.
      socket.onclose = () => reject(new Refused('the terminal cannot be reached'));
    });
  }

  constructor(socket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      this.#messages.push(parsed(data));
      this.#wake();
    };
    socket.onclose = () => this.#wake();
  }

  send(message) {
    this.#socket.send(JSON.stringify(message));
  }

  /** The body of the next message of that kind and flow; others are left aside. */
  async next(kind, flowId, time) {
    const until = performance.now() + time;
    for (;;) {
      while (this.#messages.length > 0) {
        const body = this.#messages.shift()[kind];
        if (body?.flow_id === flowId) return body;
      }
      if (this.#socket.readyState !== WebSocket.OPEN) throw new OutcomeUnknown('the link was lost');
      if (performance.now() >= until) throw new OutcomeUnknown('no answer in time');
      await this.#change(until - performance.now());
    }
  }

  async close() {
    this.#socket.close(1000);
    const until = performance.now() + 1_000;
    while (this.#socket.readyState !== WebSocket.CLOSED && performance.now() < until) {
      await this.#change(until - performance.now());
    }
  }

  #change(time) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, time);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function parsed(data) {
  try {
    return JSON.parse(data) ?? {};
  } catch {
    return {};
  }
}
