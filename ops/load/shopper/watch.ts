import { shopTime } from '../../../server/public/js/api.js';
import { createClock } from '../../../server/public/js/clock.js';
import { type SalePhase, salePhase } from '../../../server/public/js/countdown.js';
import { backoffMs, pollDelayMs } from '../../../server/public/js/pace.js';
import { type Answer, textOf } from '../client/answers.ts';
import { pathOf } from '../client/calls.ts';
import type { Visit } from '../client/visit.ts';
import type { Draws } from '../plan/draws.ts';
import { pause } from './buyer.ts';

/** What a shopper sees of the sale: looks at it in the pace of the page, by the page's own code. */

export interface SaleFacts {
  readonly state: string;
  readonly opensAt: string;
  readonly closesAt: string;
  readonly skus: readonly {
    readonly sku: string;
    readonly availability: string;
    readonly state?: string;
  }[];
}

interface LookOptions {
  readonly isFresh?: boolean;
  readonly dueMs?: number;
}

/** The first looks come soon after each other, to set the clock, as in `sale-watch.js`. */
const CLOCK_SAMPLES = 3;
const CLOCK_PAUSE_MS = 1_500;
/** A shopper looks at the button so often, and at the moment of the opening. */
const LOOK_MS = 2_000;

export class SaleWatch {
  readonly #sale: string;
  readonly #draws: Draws;
  readonly #visit: Visit;
  readonly #clock = createClock();
  readonly #quietSinceMs = performance.now();
  #etag: string | null = null;
  #facts: SaleFacts | undefined;
  #failures = 0;

  constructor(sale: string, visit: Visit, draws: Draws) {
    this.#sale = sale;
    this.#visit = visit;
    this.#draws = draws;
  }

  get facts(): SaleFacts | undefined {
    return this.#facts;
  }

  /** Looks on and on until the signal. */
  async watch(over: AbortSignal): Promise<void> {
    for (;;) {
      await pause(this.#delayMs(), over);
      await this.look();
    }
  }

  /** @param options.isFresh after a reload the page knows no earlier answer */
  async look({ isFresh = false, dueMs }: LookOptions = {}): Promise<Answer> {
    const isConditional = !isFresh && this.#etag !== null;
    const answer = await this.#visit.call({
      name: 'sale',
      path: pathOf('sale', { sale: this.#sale }),
      ...(dueMs !== undefined && { dueMs }),
      ...(isConditional && { headers: { 'if-none-match': this.#etag ?? '' } }),
    });
    this.#failures = answer.kind === 'ok' || answer.kind === 'same' ? 0 : this.#failures + 1;
    if (answer.kind === 'ok') {
      this.#etag = answer.headers.get('etag');
      this.#facts = answer.body as SaleFacts;
    }
    if (answer.kind === 'ok' || answer.kind === 'same') {
      const written = answer.kind === 'ok' ? textOf(answer.body, 'serverTime') : undefined;
      this.#clock.sample({ ...answer.timing, ...shopTime(answer.headers, written) });
    }
    return answer;
  }

  /** The phase that the page shows for a SKU; undefined if the sale has none of this name. */
  phaseOf(sku: string): SalePhase | undefined {
    const facts = this.#facts;
    const found = facts?.skus.find((one) => one.sku === sku);
    if (facts === undefined || found === undefined) return undefined;
    const times = { ...facts, state: found.state ?? facts.state };
    return salePhase(times, this.#clock.at(performance.now()));
  }

  get isScheduled(): boolean {
    return this.#facts !== undefined && this.opensInMs > 0;
  }

  isSoldOut(sku: string): boolean {
    return this.#facts?.skus.find((one) => one.sku === sku)?.availability === 'sold_out';
  }

  /** All units are taken, and some may come back: the page offers the waitlist. */
  hasWaitlist(sku: string): boolean {
    return this.#facts?.skus.find((one) => one.sku === sku)?.availability === 'maybe';
  }

  get opensInMs(): number {
    const opensAtMs = Date.parse(this.#facts?.opensAt ?? '');
    return opensAtMs - this.#clock.at(performance.now());
  }

  /** Resolves when the button of the SKU is on: true; or when it never will be: false. */
  async untilOpen(sku: string, over: AbortSignal): Promise<boolean> {
    for (;;) {
      const phase = this.phaseOf(sku);
      if (phase === undefined || phase === 'closed') return false;
      if (phase === 'open') return true;
      // The opening may be moved, and a pause may end, which a look of the page tells.
      const opensInMs = Math.max(1, this.opensInMs);
      await pause(phase === 'scheduled' ? Math.min(opensInMs, LOOK_MS) : LOOK_MS, over);
    }
  }

  #delayMs(): number {
    const random = this.#draws.next();
    const facts = this.#facts;
    if (facts === undefined) return backoffMs({ kind: 'unanswered' }, this.#failures + 1, random);
    const opensInMs = this.opensInMs;
    const phase = salePhase(facts, this.#clock.at(performance.now()));
    const hereMs = performance.now() - this.#quietSinceMs;
    const quietMs = phase === 'open' ? Math.min(hereMs, -opensInMs) : hereMs;
    const delayMs = pollDelayMs({ phase, opensInMs, quietMs, hidden: false, random });
    if (this.#failures === 0) {
      const isSampling = this.#clock.samples() < CLOCK_SAMPLES;
      return isSampling ? Math.min(delayMs, CLOCK_PAUSE_MS) : delayMs;
    }
    return Math.max(delayMs, backoffMs({ kind: 'unanswered' }, this.#failures, random));
  }
}
