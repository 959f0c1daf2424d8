import { ExpiryTable } from './expiry-table.ts';
import type { Ticket } from './ticket.ts';

/**
 * Remembers the used tickets: a ticket is good for one admitted request. The edge sends all calls of
 * its user to this node. If it is used at another node, the limit per user, which the database
 * enforces, and the ticket's life of a few seconds limit its use.
 */

/** Bounded by the number of requests that can be admitted within a ticket's life. */
const TICKETS_MAX = 262_144;

export class UsedTickets {
  readonly #untilExpiry = new ExpiryTable(TICKETS_MAX);

  has({ id }: Ticket, nowMs: number): boolean {
    return this.#untilExpiry.get(id, nowMs) > 0;
  }

  add({ id, expiresAtMs }: Ticket, nowMs: number): void {
    this.#untilExpiry.set(id, expiresAtMs, nowMs);
  }

  /** Makes the ticket of a request that was not taken after all usable again. */
  delete(ticketId: string): void {
    this.#untilExpiry.clear(ticketId);
  }
}
