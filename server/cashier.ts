import { setTimeout as sleep } from 'node:timers/promises';
import { type Order, type PaymentResult, payOrder } from '../db/calls.ts';
import { DatabaseError } from '../db/client/errors.ts';
import type { Databases } from '../db/client/pool.ts';
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
/** After that an operator has to look: the units stay drawn until the node's session ends. */
const UNKNOWN_MS_MAX = 3_600_000;
/** A call without an answer can still take units for so long; well over the pool's statement timeout. */
const UNDER_WAY_MS_MAX = 15_000;

/** The quota agent, as far as payments use it. */
interface Grants {
  draw(sku: string, units: number, least: number, isRepeat: boolean): Draw;
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
      // Asked again: the node that drew is fenced, and nothing was taken.
      if (node !== undefined) agent.decide(node, sku, units);
      node = undefined;
      node = await this.#draw(sku, units);
      return node;
    };
    try {
      const result = await payOrder(databases, orderNo, reference, admit);
      if (node !== undefined) agent.decide(node, sku, units);
      return result;
    } catch (error) {
      if (node === undefined) throw error;
      if (isRefused(error)) agent.decide(node, sku, units);
      else void this.#findOut(order, reference, node);
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
    let isRepeat = false;
    for (;;) {
      const draw = agent.draw(sku, units, units, isRepeat);
      if (draw.drawn) return draw.node;
      if (stopping.aborted) throw new Problem('overloaded');
      if (performance.now() > deadline) {
        if (draw.verdict === 'quota_unavailable') throw new Problem(draw.verdict);
        return undefined;
      }
      // The wish is counted once, by the first node id that can count it.
      isRepeat ||= draw.verdict !== 'quota_unavailable';
      await sleep(GRANT_POLL_MS);
    }
  }

  /**
   * The drawn units are this node's until no call can take them any more: then they are decided, whether
   * the database has taken them or not, and the keeper grants again what is not held.
   */
  async #findOut(order: Order, reference: string, node: string): Promise<void> {
    const { databases, agent, log, stopping } = this.#options;
    const { orderNo, sku, units } = order;
    const deadline = performance.now() + UNKNOWN_MS_MAX;
    let underWayUntil = performance.now() + UNDER_WAY_MS_MAX;
    while (!stopping.aborted) {
      await sleep(UNKNOWN_PAUSE_MS, undefined, { ref: false });
      try {
        const admit = async () => (agent.trusted(node) ? node : undefined);
        await payOrder(databases, orderNo, reference, admit);
        agent.decide(node, sku, units);
        return;
      } catch (error) {
        const now = performance.now();
        if (!isRefused(error)) underWayUntil = now + UNDER_WAY_MS_MAX;
        else if (now > underWayUntil) {
          log.error(
            { err: error, orderNo, reference },
            'a late payment is refused: nothing is booked',
          );
          agent.decide(node, sku, units);
          return;
        }
        if (now > deadline) {
          log.error(
            { err: error, orderNo, reference },
            'it is not known whether a late payment is booked',
          );
          return;
        }
        log.debug({ err: error, orderNo }, 'a late payment is not known yet');
      }
    }
  }
}

/** The database has ended the call and booked nothing, as it would each time. */
function isRefused(error: unknown): boolean {
  return error instanceof DatabaseError && error.kind === 'refused';
}
