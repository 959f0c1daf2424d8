import type { OutgoingMessage, PublishResult } from '../../broker/publisher.ts';
import type { Home } from '../../contracts/homes.ts';
import {
  CHOSEN_SCHEMA,
  ENVELOPE_SCHEMA,
  type Envelope,
  encode,
  type PurchaseRequest,
} from '../../contracts/messages.ts';
import { ORDERS_EXCHANGE, ordersQueue } from '../../contracts/topology.ts';
import type { Span, Traces } from '../../process/spans.ts';

/**
 * Sends admitted requests of one SKU together in envelopes, because the broker's cost is per
 * message and not per request.
 *
 * How long a request waits for others depends on the load, as in TCP's Nagle algorithm. If no
 * envelope of its kind is unconfirmed, it is sent at the end of this turn of the event loop.
 * Otherwise requests are collected until the broker has confirmed that envelope, for a few
 * milliseconds at most.
 */
const ENVELOPE_REQUESTS_AIM = 128;
const ENVELOPE_WAIT_MS = 5;

export interface Outgoing {
  readonly sku: string;
  readonly schema: Home;
  readonly node: string;
  readonly request: PurchaseRequest;
  /** The request was published before, and it is not known whether it arrived. */
  readonly isCopy: boolean;
  /** Called when the broker answers late for an envelope whose result was `unknown`. */
  readonly onLate: (result: PublishResult) => void;
  /** Set if the request is traced. */
  readonly span?: Span | undefined;
}

export interface EnvelopeTransport {
  publish(
    message: OutgoingMessage,
    onLate: (result: PublishResult) => void,
  ): Promise<PublishResult>;
  /** Returns whether units drawn under this node id may still be published. */
  trusted(node: string): boolean;
}

interface Open {
  readonly envelope: Envelope;
  readonly requests: PurchaseRequest[];
  readonly onLate: ((result: PublishResult) => void)[];
  readonly schema: Home;
  readonly isCopy: boolean;
  readonly isChosen: boolean;
  /** Those of the traced requests. */
  spans: Span[] | undefined;
  readonly result: PromiseWithResolvers<PublishResult>;
}

/** Envelopes of one kind: the same SKU, drawn under the same node id, all of requests that name their units or none. */
interface Lane {
  readonly key: string;
  /** The envelope that still takes requests. */
  open: Open | undefined;
  /** Number of published envelopes that the broker has not answered yet. */
  underWay: number;
  /** Ends the wait of the open envelope. */
  timer: NodeJS.Timeout | undefined;
}

export class Envelopes {
  readonly #lanes = new Map<string, Lane>();
  readonly #transport: EnvelopeTransport;
  readonly #replyTo: string;
  readonly #onSize: (requests: number) => void;
  readonly #traces: Traces | undefined;

  constructor(
    transport: EnvelopeTransport,
    replyTo: string,
    onSize: (requests: number) => void,
    traces?: Traces,
  ) {
    this.#transport = transport;
    this.#replyTo = replyTo;
    this.#onSize = onSize;
    this.#traces = traces;
  }

  /**
   * Resolves with the result of publishing the envelope that carries the request. Never rejects.
   */
  add(outgoing: Outgoing): Promise<PublishResult> {
    const lane = this.#lane(outgoing);
    lane.open ??= this.#begin(lane, outgoing);
    const { open } = lane;
    open.requests.push(outgoing.request);
    open.onLate.push(outgoing.onLate);
    if (outgoing.span !== undefined) {
      open.spans ??= [];
      open.spans.push(outgoing.span);
    }
    if (open.requests.length === ENVELOPE_REQUESTS_AIM) this.#flush(lane);
    return open.result.promise;
  }

  /** Sends everything that is waiting, before the process ends. */
  flushAll(): void {
    for (const lane of this.#lanes.values()) this.#flush(lane);
  }

  #lane({ node, schema, sku, isCopy, request }: Outgoing): Lane {
    const key = `${node} ${schema} ${sku} ${isCopy} ${isChosen(request)}`;
    const known = this.#lanes.get(key);
    if (known !== undefined) return known;
    const lane: Lane = { key, open: undefined, underWay: 0, timer: undefined };
    this.#lanes.set(key, lane);
    return lane;
  }

  #begin(lane: Lane, { sku, schema, node, isCopy, request }: Outgoing): Open {
    const requests: PurchaseRequest[] = [];
    const result = Promise.withResolvers<PublishResult>();
    const open: Open = {
      envelope: { sku, node, requests },
      requests,
      onLate: [],
      schema,
      isCopy,
      isChosen: isChosen(request),
      spans: undefined,
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
    // The last check of the trust window: a process that was paused between draw and publish must
    // not spend a grant that others have been given meanwhile. A copy spends nothing. The units
    // that its node may still use are reserved until the node is fenced. After that its request is
    // rejected, which is the outcome that the shopper waits for.
    if (!open.isCopy && !this.#transport.trusted(open.envelope.node)) {
      return 'refused';
    }
    const { envelope, spans } = open;
    const message: OutgoingMessage = {
      exchange: ORDERS_EXCHANGE,
      routingKey: open.schema,
      schema: open.isChosen ? CHOSEN_SCHEMA : ENVELOPE_SCHEMA,
      content: encode(spans === undefined ? envelope : { ...envelope, sentAtMs: Date.now() }),
      replyTo: this.#replyTo,
      persistent: true,
      mandatory: true,
    };
    const onLate = (result: PublishResult) => {
      for (const listener of open.onLate) listener(result);
    };
    const published = this.#transport.publish(message, onLate);
    if (spans !== undefined) void this.#trace(open, spans, published);
    return published;
  }

  /** An envelope with several traced requests has a span of its own. */
  async #trace({ requests, schema }: Open, spans: Span[], published: Promise<PublishResult>) {
    const attributes = { 'messaging.batch.message_count': requests.length };
    for (const span of spans) span.set(attributes);
    if (this.#traces === undefined || spans.length === 1) return;
    const name = `send ${ordersQueue(schema)}`;
    const batch = this.#traces.batch(name, spans, { kind: 'producer', attributes });
    await published;
    batch.end();
  }
}

function isChosen({ positions }: PurchaseRequest): boolean {
  return positions !== undefined;
}
