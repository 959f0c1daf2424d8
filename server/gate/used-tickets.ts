import { ExpiryTable } from './expiry-table.ts';
import type { Ticket } from './ticket.ts';

/**
 * A ticket is good for one admitted request on this node. (Another node does not know; there the
 * limit per user, kept by the database, and the ticket's few seconds of life are what holds.)
 */

/** Bounded by what can be admitted within a ticket's life. */
const TICKETS_MAX = 262_144;

export class UsedTickets {
  readonly #untilExpiry = new ExpiryTable(TICKETS_MAX);

  has({ id }: Ticket, nowMs: number): boolean {
    return this.#untilExpiry.get(id, nowMs) > 0;
  }

  add({ id, expiresAtMs }: Ticket, nowMs: number): void {
    this.#untilExpiry.set(id, expiresAtMs, nowMs);
  }

  /** The request was not taken after all: its ticket is good again. */
  delete(ticketId: string): void {
    this.#untilExpiry.clear(ticketId);
  }
}
