import type { Catalogue, SkuOnSale } from '../catalogue.ts';
import { Problem, type RefusalVerdict } from '../problems.ts';
import type { Cooldown } from './cooldown.ts';
import { type Ticket, verifyTicket } from './ticket.ts';

/**
 * The gate before the queue: cheapest question first, no I/O in any.
 *
 *   sale state · sold out · shed  │  limits · ticket │  quota
 *   `look`: before who asks is known │ `check`: for a user │ `draw`: takes units of this node's grant
 */

/** What the gate needs of the quota agent. */
export interface Allotment {
  draw(
    sku: string,
    units: number,
  ):
    | { readonly drawn: true; readonly node: string }
    | { readonly drawn: false; readonly verdict: 'quota_spent' | 'quota_unavailable' };
  keep(sku: string): number;
}

export interface GateOptions {
  readonly catalogue: Catalogue;
  readonly allotment: Allotment;
  readonly cooldown: Cooldown;
  /** False while the broker cannot take messages: then nothing is drawn down. */
  readonly brokerAvailable: () => boolean;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export type Look =
  | { readonly passed: true; readonly row: SkuOnSale }
  | { readonly passed: false; readonly verdict: RefusalVerdict };

export class Gate {
  readonly #options: GateOptions;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** Questions about the SKU alone. */
  look(sku: string): Look {
    const { catalogue, allotment, random, brokerAvailable } = this.#options;
    const row = catalogue.sku(sku);
    if (row === undefined) return { passed: false, verdict: 'ticket_invalid' };
    const state = catalogue.skuState(row);
    if (state !== 'open') {
      return { passed: false, verdict: state === 'scheduled' ? 'not_open' : state };
    }
    if (catalogue.availability(row) === 'sold_out') return { passed: false, verdict: 'sold_out' };
    if (random() >= allotment.keep(sku)) return { passed: false, verdict: 'shed' };
    if (!brokerAvailable()) return { passed: false, verdict: 'overloaded' };
    return { passed: true, row };
  }

  /** @throws {Problem} cooldown, ticket_invalid */
  check(row: SkuOnSale, ticket: Ticket, userId: string): void {
    const { catalogue, cooldown } = this.#options;
    const key = catalogue.ticketKey(row.sale);
    const nowMs = catalogue.nowMs();
    this.#checkCooldown(cooldown.remainingSeconds(userId, nowMs));
    if (key === undefined || !verifyTicket(key, { sale: row.sale, userId }, ticket, nowMs)) {
      throw new Problem('ticket_invalid');
    }
  }

  /**
   * Draws the units and starts the user's cooldown, in one go: whoever comes here at the same time
   * finds both done. The node id under which the units were drawn is returned.
   * @throws {Problem} cooldown, quota_spent, quota_unavailable
   */
  draw(row: SkuOnSale, units: number, userId: string): string {
    const { allotment, catalogue, cooldown } = this.#options;
    const nowMs = catalogue.nowMs();
    this.#checkCooldown(cooldown.remainingSeconds(userId, nowMs));
    const drawn = allotment.draw(row.sku, units);
    if (!drawn.drawn) throw new Problem(drawn.verdict);
    cooldown.start(userId, nowMs);
    return drawn.node;
  }

  #checkCooldown(remainingSeconds: number): void {
    if (remainingSeconds > 0)
      throw new Problem('cooldown', { retryAfterSeconds: remainingSeconds });
  }
}
