import { randomInt } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Schema } from '../../contracts/names.ts';
import type { Lists, Visitor } from '../../zk/tree/lists.ts';
import type { Catalogue, SkuOnSale } from '../catalogue.ts';
import { Problem, type RefusalVerdict } from '../problems.ts';
import type { Draw } from '../quota/agent.ts';
import type { Cooldown } from './cooldown.ts';
import type { Identity } from './identity.ts';
import type { Limits } from './limits.ts';
import type { OverloadCause } from './pressure.ts';
import type { RiskWatch } from './risk.ts';
import { type Ticket, verifyTicket } from './ticket.ts';
import type { UsedTickets } from './used-tickets.ts';

/**
 * The gate before the queue: cheapest question first, no I/O in any.
 *
 *   sale state · sold out · shed  │  limits · ticket │  quota
 *   `look`: before who asks is known │ `check`: for a user │ `draw`: takes units of this node's grant
 *
 * Between `check` and `draw` the body is read, which takes as long as its sender likes: what may have
 * changed meanwhile is asked again at the draw (`onSale`, `draw`).
 */

/** Who presses. */
export interface Shopper extends Visitor {
  readonly userId: string;
}

/** What the gate needs of the quota agent. */
export interface Allotment {
  /** @param least units below which nothing is drawn */
  draw(sku: string, wanted: number, least: number): Draw;
  keep(sku: string): number;
  /** A press on an open SKU; `isKept`: the shedding let it through. */
  pressed(sku: string, isKept: boolean): void;
  shed(): 'random' | 'lottery';
  readonly lists: Lists;
}

export interface GateOptions {
  readonly catalogue: Catalogue;
  readonly allotment: Allotment;
  readonly limits: Limits;
  readonly cooldown: Cooldown;
  readonly watch: RiskWatch;
  readonly usedTickets: UsedTickets;
  readonly identity: Identity;
  /** Why nothing can be taken now, if so: then nothing is drawn down. */
  readonly overload: (schema: Schema) => OverloadCause | undefined;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export type Look =
  | { readonly passed: true; readonly row: SkuOnSale }
  | {
      readonly passed: false;
      readonly verdict: RefusalVerdict;
      /** Another press meets the same answer until `keep` is raised. */
      readonly byLottery?: true;
    };

/** Pressing again at once is of no use here, so it is not asked for. */
export const LOTTERY_WAIT_SECONDS = [10, 20] as const;
export const LOTTERY_REFUSAL = {
  detail:
    'Your place in the draw of this sale is not reached yet. It stays the same however often you ' +
    'press; more places may be reached later.',
  members: { reason: 'lottery' },
};

/** Other units may be left elsewhere, so nothing is said of all. */
const TOO_FEW_REFUSAL = {
  detail:
    'Fewer units than you ask for can be given out at this moment: try again, ask for fewer, or ' +
    'set acceptFewer.',
  members: { reason: 'too_few_now' },
};

/** The same with a waiting time. */
export function lotteryRefusal() {
  const [min, max] = LOTTERY_WAIT_SECONDS;
  return { ...LOTTERY_REFUSAL, retryAfterSeconds: randomInt(min, max + 1) };
}

/** What a request has drawn. */
export interface Drawn {
  /** Node id under which the units were drawn. */
  readonly node: string;
  readonly units: number;
}

/** Made once: a refusal allocates nothing. */
const REFUSED = {
  ticket_invalid: { passed: false, verdict: 'ticket_invalid' },
  scheduled: { passed: false, verdict: 'not_open' },
  paused: { passed: false, verdict: 'paused' },
  closed: { passed: false, verdict: 'closed' },
  sold_out: { passed: false, verdict: 'sold_out' },
  shed: { passed: false, verdict: 'shed' },
  drawn: { passed: false, verdict: 'shed', byLottery: true },
  overloaded: { passed: false, verdict: 'overloaded' },
} as const satisfies Record<string, Look>;

export class Gate {
  readonly #options: GateOptions;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  find(sku: string): SkuOnSale | undefined {
    return this.#options.catalogue.sku(sku);
  }

  /**
   * Questions about the SKU alone. Only a lottery asks for the user as well, as far as that takes no
   * I/O; `check` asks again. Headers are read only then: node:http puts them in order when they
   * are asked for, which costs more than all of the rest.
   */
  look(sku: string, request: Pick<IncomingMessage, 'headers'>): Look {
    const { allotment, random, overload } = this.#options;
    const stands = this.#standing(sku);
    if (!stands.passed) return stands;
    const { row } = stands;
    const keep = allotment.keep(sku);
    if (allotment.shed() === 'random') {
      if (random() >= keep) return this.#shed(sku, REFUSED.shed);
    } else if (keep < 1) {
      const userId = this.#options.identity.userOf(request.headers.authorization);
      // `check` asks again, and answers for what becomes of it.
      if (userId instanceof Promise) userId.catch(() => {});
      if (typeof userId === 'string' && !this.#isKept(row, userId, keep)) {
        return this.#shed(sku, REFUSED.drawn);
      }
    }
    // Not counted: what cannot be taken at all says nothing about the share to keep.
    if (overload(row.schema) !== undefined) return REFUSED.overloaded;
    allotment.pressed(sku, true);
    return stands;
  }

  #standing(sku: string): Look {
    const { catalogue } = this.#options;
    const row = catalogue.sku(sku);
    if (row === undefined) return REFUSED.ticket_invalid;
    const state = catalogue.skuState(row);
    if (state !== 'open') return REFUSED[state];
    if (catalogue.availability(row) === 'sold_out') return REFUSED.sold_out;
    return { passed: true, row };
  }

  /**
   * The SKU as it is now, if units of it may be drawn.
   * @throws {Problem} not_open, paused, closed, sold_out, ticket_invalid, overloaded
   */
  onSale(sku: string): SkuOnSale {
    const stands = this.#standing(sku);
    if (!stands.passed) throw new Problem(stands.verdict);
    if (this.#options.overload(stands.row.schema) !== undefined) throw new Problem('overloaded');
    return stands.row;
  }

  #shed(sku: string, refused: Look): Look {
    this.#options.allotment.pressed(sku, false);
    return refused;
  }

  /** Before it is known who asks. @throws {Problem} rate_limited */
  checkAddress(visitor: Visitor): void {
    const { allotment, limits } = this.#options;
    if (allotment.lists.isAllowed(visitor)) return;
    this.#refuseWhile(limits.takeIp(visitor.ip), 'rate_limited');
  }

  /** The same for what is issued: tickets, challenges, guests. @throws {Problem} rate_limited */
  checkIssue(visitor: Visitor): void {
    const { allotment, limits } = this.#options;
    if (allotment.lists.isAllowed(visitor)) return;
    this.#refuseWhile(limits.takeIssue(visitor.ip), 'rate_limited');
  }

  /**
   * Blocks by address and agent are judged here as well: the user may be one of the allowed.
   * @throws {Problem} blocked, rate_limited
   */
  checkUser(shopper: Shopper): void {
    const { allotment, limits } = this.#options;
    this.checkBlocked(shopper);
    if (allotment.lists.isAllowed(shopper)) return;
    this.#refuseWhile(limits.takeUser(shopper.userId), 'rate_limited');
  }

  /** @throws {Problem} blocked */
  checkBlocked(shopper: Shopper): void {
    if (this.#options.allotment.lists.isBlocked(shopper)) throw new Problem('blocked');
  }

  /** For what is the user's own already; nobody is blocked from that. @throws {Problem} rate_limited */
  checkOwn(shopper: Shopper): void {
    const { allotment, limits } = this.#options;
    if (allotment.lists.isAllowed(shopper)) return;
    this.#refuseWhile(limits.takeOwn(shopper.userId), 'rate_limited');
  }

  /** The user's rank decides, however often it asks and whatever the SKU. */
  #isKept(row: SkuOnSale, userId: string, keep: number): boolean {
    const rank = this.#options.catalogue.lotteries.rank(row.sale, userId);
    return rank !== undefined && rank < keep;
  }

  /** @throws {Problem} shed, rate_limited, cooldown, ticket_invalid, overloaded */
  check(row: SkuOnSale, ticket: Ticket, userId: string): void {
    const { allotment, catalogue, cooldown, limits } = this.#options;
    const keep = allotment.keep(row.sku);
    if (allotment.shed() === 'lottery' && keep < 1 && !this.#isKept(row, userId, keep)) {
      throw new Problem('shed', lotteryRefusal());
    }
    const nowMs = catalogue.nowMs();
    this.#refuseWhile(limits.takeTicket(ticket.id), 'rate_limited');
    this.#refuseWhile(cooldown.remainingSeconds(userId, nowMs), 'cooldown');
    if (!this.#isGenuine(row, ticket, userId, nowMs)) throw new Problem('ticket_invalid');
    this.#options.watch.pressed(userId, ticket.expiresAtMs - nowMs);
  }

  #isGenuine(row: SkuOnSale, ticket: Ticket, userId: string, nowMs: number): boolean {
    const owner = { sale: row.sale, userId };
    const keys = this.#options.catalogue.ticketKeys.accepted(row.sale);
    // At the opening another node may have the key an instant earlier: nothing can be said here yet.
    if (keys.length === 0) throw new Problem('overloaded', { retryAfterSeconds: 1 });
    // One key as a rule; for a while after a rotation the one before as well.
    for (const { key, untilMs } of keys) {
      if (nowMs < untilMs && verifyTicket(key, owner, ticket, nowMs)) return true;
    }
    return false;
  }

  /**
   * Draws the units, uses the ticket up and starts the user's cooldown, in one go: whoever comes
   * here at the same time finds all done.
   * @param row as `onSale` has just said it
   * @throws {Problem} blocked, cooldown, ticket_invalid, quota_spent, quota_unavailable
   */
  draw(
    row: SkuOnSale,
    ticket: Ticket,
    {
      quantity,
      acceptFewer = false,
    }: { readonly quantity: number; readonly acceptFewer?: boolean },
    shopper: Shopper,
  ): Drawn {
    const { allotment, catalogue, cooldown, usedTickets } = this.#options;
    const { userId } = shopper;
    this.checkBlocked(shopper);
    const nowMs = catalogue.nowMs();
    this.#refuseWhile(cooldown.remainingSeconds(userId, nowMs), 'cooldown');
    const isGood = this.#isGenuine(row, ticket, userId, nowMs) && !usedTickets.has(ticket, nowMs);
    if (!isGood) throw new Problem('ticket_invalid');
    const drawn = allotment.draw(row.sku, quantity, acceptFewer ? 1 : quantity);
    if (!drawn.drawn) {
      const { verdict } = drawn;
      if (verdict === 'too_few_now') throw new Problem('quota_spent', TOO_FEW_REFUSAL);
      throw new Problem(verdict);
    }
    cooldown.start(userId, nowMs);
    usedTickets.add(ticket, nowMs);
    return drawn;
  }

  /** A drawn request was definitely not taken: its user may try again at once, with its ticket. */
  undo(ticketId: string, userId: string): void {
    this.#options.cooldown.end(userId);
    this.#options.usedTickets.delete(ticketId);
  }

  #refuseWhile(seconds: number, verdict: 'cooldown' | 'rate_limited'): void {
    if (seconds === 0) return;
    // A cooldown ends at a known time; those over a limit must not come back together.
    throw new Problem(verdict, verdict === 'cooldown' ? { retryAfterSeconds: seconds } : {});
  }
}
