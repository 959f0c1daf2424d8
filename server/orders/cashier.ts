import { setTimeout as sleep } from 'node:timers/promises';
import { type Order, type PaymentResult, payOrder } from '../../db/calls.ts';
import { DatabaseError } from '../../db/client/errors.ts';
import type { Databases } from '../../db/client/pool.ts';
import type { Log } from '../../process/log.ts';
import { Problem } from '../http/problems.ts';
import type { Draw } from '../quota/agent.ts';

/**
 * Books payments. A payment that comes after its order has expired needs units again. These are
 * drawn from this node's grant, as for a purchase. So late payments never sell beyond the quota,
 * whatever other nodes admit meanwhile.
 */

/** Within this time the keeper can move a unit here from a node that does not need it. */
const GRANT_WAIT_MS = 2_000;
const GRANT_POLL_MS = 100;
/**
 * Time between two attempts to find out the result of a payment for which the database did not
 * answer.
 */
const UNKNOWN_PAUSE_MS = 1_000;
/** After this time an operator has to act: the units stay drawn until the node's session ends. */
const UNKNOWN_MS_MAX = 3_600_000;
/**
 * For this long a call without an answer can still take units. It is well above the statement
 * timeout of the pool.
 */
const UNDER_WAY_MS_MAX = 15_000;

/** The part of the quota agent that payments use. */
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
   * Books a payment of the order.
   *
   * @throws {DatabaseError} the result may be unknown: the same call again finds it out
   * @throws {Problem} nothing was booked, because this node cannot tell now whether there are units
   */
  async pay(order: Order, reference: string): Promise<PaymentResult> {
    const { databases, agent } = this.#options;
    const { orderNo, sku, units } = order;
    let node: string | undefined;
    const admit = async () => {
      // The database asks for units again: the node that drew the first ones is fenced, and nothing
      // was taken.
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
   * @returns the node id that drew the units; undefined if no units may be used
   * @throws {Problem} this cannot be found out now, and the provider calls again
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
      // The wanted units are counted once, by the first node id that can count them.
      isRepeat ||= draw.verdict !== 'quota_unavailable';
      await sleep(GRANT_POLL_MS);
    }
  }

  /**
   * Waits until no call can take the drawn units any more; until then they stay with this node.
   * Then they are marked as decided, whether the database has taken them or not, and the keeper
   * grants again those that are not held.
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

/** The database has ended the call and booked nothing, and it would do the same each time. */
function isRefused(error: unknown): boolean {
  return error instanceof DatabaseError && error.kind === 'refused';
}
