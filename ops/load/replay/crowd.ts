import { hash } from 'node:crypto';
import type { RecordedCall } from '../recording/format.ts';
import type { Identities } from '../shopper/identities.ts';
import { ReplayedShopper } from './shopper.ts';
import type { Stage } from './stage.ts';

/** A shopper without a call for so long closes its connections, and opens others when it comes back. */
const REST_AFTER_MS = 60_000;

interface Part {
  readonly part: number;
  readonly of: number;
}

/** The shoppers of a recording: those with open connections, and those who may come back. */
export class Crowd {
  readonly #stage: Stage;
  readonly #identities: Identities;
  readonly #part: Part;
  /** Who is resting keeps its identity, its requests and its orders. */
  readonly #shoppers = new Map<string, ReplayedShopper>();
  readonly #awake = new Set<ReplayedShopper>();

  constructor(stage: Stage, identities: Identities, part: Part) {
    this.#stage = stage;
    this.#identities = identities;
    this.#part = part;
  }

  /** Undefined: too many are in the shop. */
  of({ who, from }: RecordedCall, dueMs: number): ReplayedShopper | undefined {
    const { plan, tally, addressOf } = this.#stage;
    let shopper = this.#shoppers.get(who);
    const isAwake = shopper !== undefined && this.#awake.has(shopper);
    if (!isAwake && this.#awake.size >= plan.aliveMax) {
      tally.notMade.add(`calls of shoppers beyond ${plan.aliveMax} at once (limits.shoppers)`);
      return undefined;
    }
    if (shopper === undefined) {
      const { part, of } = this.#part;
      const index = part - 1 + this.#shoppers.size * of;
      const share = hash('sha256', from, 'buffer').readUInt32LE(0) / 2 ** 32;
      const name = { name: who, address: addressOf(share) };
      shopper = new ReplayedShopper(this.#stage, name, this.#identities.tokenOf(index));
      this.#shoppers.set(who, shopper);
      tally.arrived(dueMs);
      // Who opens connections is counted when it does.
      tally.alive -= 1;
      tally.behaviours.add('as recorded');
      tally.ends.add('as recorded');
    }
    this.#awake.add(shopper);
    return shopper;
  }

  rest(): void {
    const before = performance.now() - REST_AFTER_MS;
    for (const shopper of this.#awake) {
      if (shopper.running > 0 || shopper.lastMs > before) continue;
      shopper.rest();
      this.#awake.delete(shopper);
    }
  }

  /** Calls that run get no answer. */
  breakOff(): void {
    for (const shopper of this.#awake) shopper.rest();
  }

  leave(): void {
    for (const shopper of this.#shoppers.values()) shopper.leave();
  }
}
