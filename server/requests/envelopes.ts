import type { OutgoingMessage, PublishResult } from '../../broker/publisher.ts';
import {
  ENVELOPE_SCHEMA,
  type Envelope,
  encode,
  type PurchaseRequest,
} from '../../contracts/messages.ts';
import type { Schema } from '../../contracts/names.ts';
import { ORDERS_EXCHANGE } from '../../contracts/topology.ts';

/**
 * Admitted requests of one SKU travel together: the broker's cost is per message, not per request.
 *
 * How long a request waits for company follows the load, as TCP's Nagle algorithm has it: with no
 * envelope of its kind on the way it leaves at the end of this turn of the loop; else it gathers with
 * others until the broker has confirmed that one, at most a few milliseconds.
 */
const ENVELOPE_REQUESTS_AIM = 128;
const ENVELOPE_WAIT_MS = 5;

export interface Outgoing {
  readonly sku: string;
  readonly schema: Schema;
  readonly node: string;
  readonly request: PurchaseRequest;
  /** It was published before and nobody knows whether it arrived. */
  readonly isCopy: boolean;
  /** The answer to an envelope that was `unknown` for want of one. */
  readonly onLate: (result: PublishResult) => void;
}

export interface EnvelopeTransport {
  publish(
    message: OutgoingMessage,
    onLate: (result: PublishResult) => void,
  ): Promise<PublishResult>;
  /** Whether units drawn under this node id may still be published. */
  trusted(node: string): boolean;
}

interface Open {
  readonly envelope: Envelope;
  readonly requests: PurchaseRequest[];
  readonly onLate: ((result: PublishResult) => void)[];
  readonly schema: Schema;
  readonly isCopy: boolean;
  readonly result: PromiseWithResolvers<PublishResult>;
}

/** Envelopes of one kind: of one SKU, drawn under one node id. */
interface Lane {
  readonly key: string;
  /** Still takes requests. */
  open: Open | undefined;
  /** Published, and the broker has not answered. */
  underWay: number;
  /** Ends the wait of the open one. */
  timer: NodeJS.Timeout | undefined;
}

export class Envelopes {
  readonly #lanes = new Map<string, Lane>();
  readonly #transport: EnvelopeTransport;
  readonly #replyTo: string;
  readonly #onSize: (requests: number) => void;

  constructor(transport: EnvelopeTransport, replyTo: string, onSize: (requests: number) => void) {
    this.#transport = transport;
    this.#replyTo = replyTo;
    this.#onSize = onSize;
  }

  /** Resolves with what became of the envelope that carried the request; never rejects. */
  add(outgoing: Outgoing): Promise<PublishResult> {
    const lane = this.#lane(outgoing);
    lane.open ??= this.#begin(lane, outgoing);
    const { open } = lane;
    open.requests.push(outgoing.request);
    open.onLate.push(outgoing.onLate);
    if (open.requests.length === ENVELOPE_REQUESTS_AIM) this.#flush(lane);
    return open.result.promise;
  }

  /** Sends what is waiting: for the end of the process. */
  flushAll(): void {
    for (const lane of this.#lanes.values()) this.#flush(lane);
  }

  #lane({ node, schema, sku, isCopy }: Outgoing): Lane {
    const key = `${node} ${schema} ${sku} ${isCopy}`;
    const known = this.#lanes.get(key);
    if (known !== undefined) return known;
    const lane: Lane = { key, open: undefined, underWay: 0, timer: undefined };
    this.#lanes.set(key, lane);
    return lane;
  }

  #begin(lane: Lane, { sku, schema, node, isCopy }: Outgoing): Open {
    const requests: PurchaseRequest[] = [];
    const result = Promise.withResolvers<PublishResult>();
    const open: Open = {
      envelope: { sku, node, requests },
      requests,
      onLate: [],
      schema,
      isCopy,
      result,
    };
    if (lane.underWay > 0) lane.timer = setTimeout(() => this.#flush(lane), ENVELOPE_WAIT_MS);
    else setImmediate(() => lane.open === open && this.#flush(lane));
    return open;
  }

  #flush(lane: Lane): void {
    const { open } = lane;
    if (open === undefined) return;
    clearTimeout(lane.timer);
    lane.open = undefined;
    lane.underWay += 1;
    this.#onSize(open.requests.length);
    void this.#send(open).then((result) => {
      lane.underWay -= 1;
      open.result.resolve(result);
      if (lane.underWay === 0) this.#flush(lane);
      if (lane.underWay === 0) this.#lanes.delete(lane.key);
    });
  }

  /** Never rejects. */
  async #send(open: Open): Promise<PublishResult> {
    // The last look at the trust window: a process that was stopped between draw and publish must
    // not spend a grant that has been given to others meanwhile. A copy spends nothing: what its node
    // may still bring is reserved until the node is fenced, and a fenced node's request is rejected,
    // which is the outcome that its shopper waits for.
    if (!open.isCopy && !this.#transport.trusted(open.envelope.node)) {
      return 'refused';
    }
    const message: OutgoingMessage = {
      exchange: ORDERS_EXCHANGE,
      routingKey: open.schema,
      schema: ENVELOPE_SCHEMA,
      content: encode(open.envelope),
      replyTo: this.#replyTo,
      persistent: true,
      mandatory: true,
    };
    const onLate = (result: PublishResult) => {
      for (const listener of open.onLate) listener(result);
    };
    return this.#transport.publish(message, onLate);
  }
}
