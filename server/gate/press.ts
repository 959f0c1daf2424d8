import type { IncomingMessage } from 'node:http';
import type { Visitor } from '../../zk/tree/lists.ts';
import type { SkuOnSale } from '../catalogue.ts';
import type { Refusal } from '../problems.ts';
import type { Purchase } from './body.ts';
import type { Ticket } from './ticket.ts';

/** What is known of a purchase request on its way through the gate; some steps note what they find out. */

/** A purchase request of which the URL alone was read. */
export interface Press {
  /** As in the URL: perhaps no SKU at all. */
  readonly sku: string;
  readonly request: IncomingMessage;
}

/** The user who presses, and from where. */
export interface Shopper extends Visitor {
  readonly userId: string;
}

/** A purchase request that the fast path let through. */
export interface Claim extends Press, Shopper {
  readonly ticket: Ticket;
  /** As it was when it was last asked for. */
  row: SkuOnSale;
  /** The request id that it asks for; not necessarily a UUID yet. */
  readonly requestId: string;
  /** It was taken before, and is answered as before, whatever the gate would say now. */
  readonly isTaken: boolean;
  /** By its ticket's age or its own word. All others look like first presses. */
  readonly isRepeated: boolean;
  /** It is refused with this, unless it repeats a request that is decided already. */
  readonly refusal: Refusal | undefined;
  /** Empty before `who`. */
  userId: string;
  /** Nothing before `body`. */
  purchase: Purchase;
  /** Nothing before `quota`. */
  drawn: Drawn;
}

/** What a request has drawn. */
export interface Drawn {
  /** Node id under which the units were drawn. */
  readonly node: string;
  readonly units: number;
}
