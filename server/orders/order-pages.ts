import { LRUCache } from 'lru-cache';
import { type OrderPage, userOrders } from '../../db/calls.ts';
import type { Databases } from '../../db/client/pool.ts';
import { entriesMax } from '../../process/entries-max.ts';

/**
 * Remembers the first page of each user's orders for a second, because it is read most often. When
 * this process changes an order or hears of a change, it forgets the page. A change by another
 * process is visible a second later. A page that lacks the orders of a home that is down is not
 * remembered.
 */
export const FIRST_PAGE_ORDERS = 20;
const FIRST_PAGE_TTL_MS = 1_000;
const FIRST_PAGES_MAX = 10_000;

export class OrderPages {
  readonly #databases: Databases;
  readonly #pages = new LRUCache<string, Promise<OrderPage>>({
    ...entriesMax(FIRST_PAGES_MAX),
    ttl: FIRST_PAGE_TTL_MS,
  });

  constructor(databases: Databases) {
    this.#databases = databases;
  }

  /**
   * Returns the newest orders first.
   *
   * @throws {DatabaseError}
   */
  first(userId: string): Promise<OrderPage> {
    const known = this.#pages.get(userId);
    if (known !== undefined) return known;
    const page = userOrders(this.#databases, userId, { limit: FIRST_PAGE_ORDERS });
    this.#pages.set(userId, page);
    const forget = () => this.forget(userId);
    page.then(({ missing }) => missing.length > 0 && forget(), forget);
    return page;
  }

  forget(userId: string): void {
    this.#pages.delete(userId);
  }
}
