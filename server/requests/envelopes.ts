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
 * Admitted requests of one SKU travel together: the broker's cost is per message, so up to sixteen
 * requests that arrive within two milliseconds share one. Alone, a request waits those two.
 */
export const ENVELOPE_REQUESTS_AIM = 16;
export const ENVELOPE_WAIT_MS = 2;

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
  readonly timer: NodeJS.Timeout;
  readonly result: PromiseWithResolvers<PublishResult>;
}

export class Envelopes {
  readonly #open = new Map<string, Open>();
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
    const key = `${outgoing.node} ${outgoing.schema} ${outgoing.sku} ${outgoing.isCopy}`;
    const open = this.#open.get(key) ?? this.#begin(key, outgoing);
    open.requests.push(outgoing.request);
    open.onLate.push(outgoing.onLate);
    if (open.requests.length === ENVELOPE_REQUESTS_AIM) this.#flush(key, open);
    return open.result.promise;
  }

  /** Sends what is waiting: for the end of the process. */
  flushAll(): void {
    for (const [key, open] of this.#open) this.#flush(key, open);
  }

  #begin(key: string, { sku, schema, node, isCopy }: Outgoing): Open {
    const requests: PurchaseRequest[] = [];
    const open: Open = {
      envelope: { sku, node, requests },
      requests,
      onLate: [],
      schema,
      isCopy,
      timer: setTimeout(() => this.#flush(key, open), ENVELOPE_WAIT_MS),
      result: Promise.withResolvers(),
    };
    this.#open.set(key, open);
    return open;
  }

  #flush(key: string, open: Open): void {
    clearTimeout(open.timer);
    this.#open.delete(key);
    this.#onSize(open.requests.length);
    // The last look at the trust window: a process that was stopped between draw and publish must
    // not spend a grant that has been given to others meanwhile. A copy spends nothing: what its node
    // may still bring is reserved until the node is fenced, and a fenced node's request is rejected,
    // which is the outcome that its shopper waits for.
    if (!open.isCopy && !this.#transport.trusted(open.envelope.node)) {
      open.result.resolve('refused');
      return;
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
    open.result.resolve(this.#transport.publish(message, onLate));
  }
}
