import { LRUCache } from 'lru-cache';
import { dayIn } from '../../contracts/goods.ts';
import { type LastDay, lastDayOf } from '../../db/calls.ts';
import type { Databases } from '../../db/client/pool.ts';
import { entriesMax } from '../../process/entries-max.ts';
import type { SkuOnSale } from '../catalogue/catalogue.ts';

/**
 * Whether a user has today's unit of a daily SKU, and the days in a row. That a user has it cannot change
 * before the day is over, so it is asked once a day. That a user does not have it yet is remembered for a
 * second, and forgotten when this process hears that the user got it.
 */
const NOT_YET_TTL_MS = 1_000;
/** The last to be forgotten are the users who asked last. */
const USERS_MAX = 100_000;

export interface Today {
  /** By the calendar of the SKU, as `2026-12-01`. */
  readonly day: string;
  readonly done: boolean;
  /** Days in a row: up to today if it is done, else up to yesterday. */
  readonly streak: number;
}

export class Days {
  readonly #databases: Databases;
  readonly #nowMs: () => number;
  readonly #known = new LRUCache<string, LastDay>(entriesMax(USERS_MAX));
  readonly #asked = new LRUCache<string, Promise<LastDay | undefined>>({
    ...entriesMax(USERS_MAX),
    ttl: NOT_YET_TTL_MS,
  });

  /** @param nowMs by the database's clock */
  constructor(databases: Databases, nowMs: () => number) {
    this.#databases = databases;
    this.#nowMs = nowMs;
  }

  /** @throws {DatabaseError} the home of the SKU did not answer */
  async today(row: SkuOnSale, userId: string): Promise<Today> {
    const { sku, schema, zone } = row;
    const day = dayIn(zone ?? 'UTC', new Date(this.#nowMs()));
    const key = keyOf(row, userId);
    const known = this.#known.get(key);
    if (known?.last === day) return { day, done: true, streak: known.streak };
    const found = await this.#ask(key, () => lastDayOf(this.#databases, schema, sku, userId));
    if (found !== undefined) this.#known.set(key, found);
    const done = found !== undefined && found.last >= day;
    const isGoingOn = done || found?.last === dayBefore(day);
    return { day, done, streak: isGoingOn ? (found?.streak ?? 0) : 0 };
  }

  forget(row: SkuOnSale, userId: string): void {
    this.#asked.delete(keyOf(row, userId));
  }

  #ask(key: string, query: () => Promise<LastDay | undefined>): Promise<LastDay | undefined> {
    const underWay = this.#asked.get(key);
    if (underWay !== undefined) return underWay;
    const answer = query();
    this.#asked.set(key, answer);
    answer.catch(() => this.#asked.delete(key));
    return answer;
  }
}

/** A sale that was removed may be put on again, on the same day and with the same SKU. */
const keyOf = ({ sku, saleCreatedAt }: SkuOnSale, userId: string) =>
  `${saleCreatedAt.getTime()} ${sku} ${userId}`;

function dayBefore(day: string): string {
  return new Date(Date.parse(day) - 86_400_000).toISOString().slice(0, 10);
}
