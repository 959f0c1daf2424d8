import { setTimeout as delay } from 'node:timers/promises';
import { type Answer, Shopper } from '../shopper.ts';
import type { System } from '../system.ts';
import { until } from '../until.ts';

/** Shoppers who arrive one after the other while something breaks, and the result of each. */

const SHOPPERS_AT_ONCE = 8;
const PAUSE_MS = 500;
const PAUSE_AFTER_REFUSAL_MS = 1_500;
const OUTCOME_DEADLINE_MS = 300_000;

/** A taken request: its shopper got `202`. */
interface Taken {
  readonly requestId: string;
  /** The last answer to the shopper, undefined while it is `queued`. */
  told?: string;
}

export interface FlowCounts {
  readonly taken: number;
  /** Outcomes in the database, by status. */
  readonly decided: Readonly<Record<string, number>>;
  /** Taken requests without an outcome. */
  readonly undecided: number;
  /** Answers that contradict the database, a `404`, or a 5xx without a verdict. */
  readonly lies: readonly string[];
  /** Refusals by verdict. A refused request was not taken. */
  readonly refused: Readonly<Record<string, number>>;
  /** Broken connections. */
  readonly cut: number;
}

export class Flow {
  readonly #system: System;
  readonly #sale: string;
  readonly sku: string;
  readonly #taken: Taken[] = [];
  readonly #lies: string[] = [];
  /** Refusals by verdict. A refused request was not taken. */
  readonly refused = new Map<string, number>();
  readonly #following = new Set<Promise<void>>();
  readonly #crowd: Promise<unknown>;
  #cut = 0;
  #stopped = false;

  constructor(system: System, sale: string, sku: string, shoppersAtOnce = SHOPPERS_AT_ONCE) {
    this.#system = system;
    this.#sale = sale;
    this.sku = sku;
    this.#crowd = Promise.all(Array.from({ length: shoppersAtOnce }, () => this.#come()));
  }

  get taken(): number {
    return this.#taken.length;
  }

  /** Resolves when this many more requests were taken. */
  async more(count: number): Promise<void> {
    const goal = this.#taken.length + count;
    await until(`${count} more requests are taken`, () => this.#taken.length >= goal);
  }

  /** Stops new shoppers, and resolves when all have their final answer. */
  async stop(): Promise<FlowCounts> {
    this.#stopped = true;
    await this.#crowd;
    await Promise.all(this.#following);
    const outcomes = await this.outcomes();
    const decided: Record<string, number> = {};
    for (const { requestId, told } of this.#taken) {
      const outcome = outcomes.get(requestId);
      if (outcome !== undefined) decided[outcome] = (decided[outcome] ?? 0) + 1;
      if (told !== outcome) this.#lies.push(`${requestId} was told ${told}, but is ${outcome}`);
    }
    return {
      taken: this.#taken.length,
      decided,
      undecided: this.#taken.length - outcomes.size,
      lies: this.#lies,
      refused: Object.fromEntries(this.refused),
      cut: this.#cut,
    };
  }

  /** The outcomes of the taken requests in the database. */
  async outcomes(): Promise<Map<string, string>> {
    const rows = await this.#system.databases
      .home('hot')
      .query<{ request_id: string; status: string }>({
        text: 'SELECT request_id, status FROM hot.outcome WHERE request_id = ANY ($1::uuid[])',
        values: [this.#taken.map(({ requestId }) => requestId)],
      });
    return new Map(rows.map((row) => [row.request_id, row.status]));
  }

  async #come(): Promise<void> {
    while (!this.#stopped) {
      const shopper = new Shopper(this.#system.url, this.#system.jwtSecret);
      try {
        const ticket = await shopper.call('POST', `/api/v1/sales/${this.#sale}/tickets`, {
          sku: this.sku,
        });
        const answer =
          ticket.status === 201
            ? await shopper.press(this.#sale, this.sku, { ticket: ticket.body.ticket })
            : ticket;
        if (answer.status === 202) this.#follow(shopper, answer);
        else {
          this.#refuse(answer);
          await delay(PAUSE_AFTER_REFUSAL_MS);
        }
      } catch {
        this.#cut += 1;
      }
      await delay(PAUSE_MS);
    }
  }

  #refuse({ status, body }: Answer): void {
    const verdict =
      typeof body?.verdict === 'string' ? body.verdict : `${status} without a verdict`;
    this.refused.set(verdict, (this.refused.get(verdict) ?? 0) + 1);
    // There are units all the time.
    if (verdict === 'sold_out' || verdict.endsWith('without a verdict')) this.#lies.push(verdict);
  }

  #follow(shopper: Shopper, answer: Answer): void {
    const taken: Taken = { requestId: answer.body.requestId };
    this.#taken.push(taken);
    const following = shopper
      .outcome(answer.body.statusUrl, OUTCOME_DEADLINE_MS)
      .then(({ status, body }) => {
        if (status !== 200) this.#lies.push(`${taken.requestId}: ${status} ${body?.verdict}`);
        else if (body.status !== 'queued') taken.told = body.status;
      })
      .catch((error: Error) => void this.#lies.push(`${taken.requestId}: ${error.message}`))
      .finally(() => this.#following.delete(following));
    this.#following.add(following);
  }
}
