import type { KeyObject } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Span } from '../../process/spans.ts';
import type { Visitor } from '../../zk/tree/lists.ts';
import type { SkuOnSale } from '../catalogue/catalogue.ts';
import type { Refusal } from '../http/problems.ts';
import type { Purchase } from './body.ts';
import type { Ticket } from './ticket.ts';

/** The data of a purchase request on its way through the gate. Some steps add to it. */

/** A purchase request of which only the URL has been read. */
export interface Press {
  /** As in the URL; it may not be an existing SKU. */
  readonly sku: string;
  readonly request: IncomingMessage;
}

/** The user who presses, with address and user agent. */
export interface Shopper extends Visitor {
  readonly userId: string;
}

/** A purchase request that the fast path let through. */
export interface Claim extends Press, Shopper {
  readonly ticket: Ticket;
  /** The SKU as it was at the last lookup. */
  row: SkuOnSale;
  /** The request id that the client asks for; it may not be a UUID yet. */
  readonly requestId: string;
  /**
   * The request is pending already, so it gets the same answer as before, whatever the gate would
   * say now.
   */
  readonly isPending: boolean;
  /**
   * The age of the ticket or the client itself says so. Any other request looks like a first press.
   */
  readonly isRepeated: boolean;
  /** The request is refused with this, unless it repeats a request that is already decided. */
  readonly refusal: Refusal | undefined;
  /** The key that signed the ticket. Not set before the step `ticket`. */
  signedBy: KeyObject | undefined;
  /** Empty before the step `who`. */
  userId: string;
  /** Not set before the step `body`. */
  purchase: Purchase;
  /** Not set before the step `quota`. */
  drawn: Drawn;
  /** Set only if the press is traced. */
  span?: Span;
}

/** The units that a request has drawn. */
export interface Drawn {
  /** Node id under which the units were drawn. */
  readonly node: string;
  readonly units: number;
}
