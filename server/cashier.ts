import { setTimeout as sleep } from 'node:timers/promises';
import { type Order, type PaymentResult, payOrder } from '../db/calls.ts';
import type { Databases } from '../db/pool.ts';
import type { Log } from '../process/log.ts';
import { Problem } from './problems.ts';
import type { Draw } from './quota/agent.ts';

/**
 * Books payments. One that comes after its order has expired needs units again, and those are admitted as
 * for a purchase: drawn from this node's grant. So late payments never sell beyond the quota, whatever
 * other nodes admit meanwhile.
 */

/** The keeper brings a unit from a node that does not need it within a few looks. */
const GRANT_WAIT_MS = 2_000;
const GRANT_POLL_MS = 100;
/** Between two questions what became of a payment that the database did not answer for. */
const UNKNOWN_PAUSE_MS = 1_000;

/** The quota agent, as far as payments use it. */
interface Grants {
  draw(sku: string, units: number, least: number): Draw;
  decide(node: string, sku: string, units: number): void;
  trusted(node: string): boolean;
}

interface CashierOptions {
  readonly databases: Databases;
  readonly agent: Grants;
  readonly log: Log;
  readonly stopping: AbortSignal;
}

export class Cashier {
  readonly #options: CashierOptions;

  constructor(options: CashierOptions) {
    this.#options = options;
  }

  /**
   * @throws {DatabaseError} what came of it may be unknown: the same call again finds out
   * @throws {Problem} nothing was booked, since this node cannot tell now whether there are units
   */
  async pay(order: Order, reference: string): Promise<PaymentResult> {
    const { databases, agent } = this.#options;
    const { orderNo, sku, units } = order;
    let node: string | undefined;
    const admit = async () => {
      node = await this.#draw(sku, units);
      return node !== undefined;
    };
    try {
      const result = await payOrder(databases, orderNo, reference, admit);
      if (node !== undefined) agent.decide(node, sku, units);
      return result;
    } catch (error) {
      if (node !== undefined) void this.#findOut(order, reference, node);
      throw error;
    }
  }

  /**
   * @returns the node id that drew them; undefined when there is no right to them
   * @throws {Problem} that cannot be told now: the provider calls again
   */
  async #draw(sku: string, units: number): Promise<string | undefined> {
    const { agent, stopping } = this.#options;
    const deadline = performance.now() + GRANT_WAIT_MS;
    for (;;) {
      const draw = agent.draw(sku, units, units);
      if (draw.drawn) return draw.node;
      if (stopping.aborted) throw new Problem('overloaded');
      if (performance.now() > deadline) {
        if (draw.verdict === 'quota_unavailable') throw new Problem(draw.verdict);
        return undefined;
      }
      await sleep(GRANT_POLL_MS);
    }
  }

  /** The drawn units are this node's until it is known whether the database has taken them. */
  async #findOut(order: Order, reference: string, node: string): Promise<void> {
    const { databases, agent, log, stopping } = this.#options;
    const { orderNo, sku, units } = order;
    while (!stopping.aborted) {
      await sleep(UNKNOWN_PAUSE_MS, undefined, { ref: false });
      try {
        await payOrder(databases, orderNo, reference, async () => agent.trusted(node));
        agent.decide(node, sku, units);
        return;
      } catch (error) {
        log.debug({ err: error, orderNo }, 'a late payment is not known yet');
      }
    }
  }
}
