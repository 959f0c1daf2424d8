import { type Home, homeOfOrder, isHome, REGULAR } from '../../contracts/homes.ts';
import { DatabaseError } from './errors.ts';
import type { Pool, Queryable } from './pool-types.ts';
import { History, type ReadAnswer } from './standby.ts';

/** The homes of an installation by name, each with the pool of its server. */
export class Databases {
  /** The names of the homes; `regular` first. */
  readonly homes: readonly Home[];
  /** The server of `regular`, which holds the catalogue. */
  readonly regular: Pool;
  /** One pool for each server, that of `regular` first. */
  readonly servers: readonly Pool[];
  readonly #pools: ReadonlyMap<Home, Pool>;
  /** One for each server, by its pool. */
  readonly #histories: Map<Pool, History>;

  constructor(pools: { readonly regular: Pool } & Readonly<Record<Home, Pool>>) {
    this.regular = pools.regular;
    this.homes = [REGULAR, ...Object.keys(pools).filter((name) => name !== REGULAR)];
    this.servers = [...new Set([pools.regular, ...Object.values(pools)])];
    this.#pools = new Map(Object.entries(pools));
    this.#histories = new Map(this.servers.map((pool) => [pool, new History(pool)]));
  }

  /** Calls `open` once for each server. */
  static open(
    urls: ReadonlyMap<Home, string>,
    open: (url: string, homes: readonly Home[]) => Pool,
  ): Databases {
    const pools: Record<Home, Pool> = {};
    for (const [url, homes] of Map.groupBy(urls.keys(), (home) => urls.get(home) ?? '')) {
      const pool = open(url, homes);
      for (const home of homes) pools[home] = pool;
    }
    const { regular } = pools;
    if (regular === undefined) throw new TypeError(`no URL of ${REGULAR}`);
    return new Databases({ ...pools, regular });
  }

  /** The homes `regular` and `hot` of an installation with one server. */
  static ofOne(pool: Pool): Databases {
    return new Databases({ regular: pool, hot: pool });
  }

  /** @throws {DatabaseError} `unavailable` if the configuration has no such home */
  home(name: Home): Pool {
    const pool = this.#pools.get(name);
    if (pool !== undefined) return pool;
    const message = `the home ${name} is not configured; there are ${this.homes.join(', ')}`;
    throw new DatabaseError('unavailable', message);
  }

  /**
   * Lets lists of orders be read from standbys.
   *
   * @param open opens the pool of a standby
   * @param onRead is called for each read
   */
  readFrom(
    standbys: ReadonlyMap<Home, string>,
    open: (url: string) => Pool,
    onRead: (home: Home, answer: ReadAnswer) => void,
  ): void {
    for (const [primary, homes] of Map.groupBy(standbys.keys(), (home) => this.home(home))) {
      const [home = REGULAR] = homes;
      const standby = open(standbys.get(home) ?? '');
      this.#histories.set(primary, new History(primary, standby, (answer) => onRead(home, answer)));
    }
  }

  /**
   * The server of a home or its standby, for lists of orders; see standby.ts for what statements need.
   *
   * @throws {DatabaseError} `unavailable` if the configuration has no such home
   */
  history(name: Home): Queryable {
    // Each server has one.
    return this.#histories.get(this.home(name)) as History;
  }

  /** The homes on the server of a home, itself included. */
  homesBeside(name: Home): Home[] {
    return this.homes.filter((home) => this.#pools.get(home) === this.#pools.get(name));
  }

  /** The first home on a server. */
  homeOf(server: Pool): Home {
    return this.homes.find((home) => this.#pools.get(home) === server) ?? REGULAR;
  }

  has(name: Home): boolean {
    return this.#pools.has(name);
  }

  /**
   * Whether there is more than one server. A SKU that moves is then carried between servers, except between
   * `regular` and `hot` if they share one.
   */
  get areApart(): boolean {
    return this.servers.length > 1;
  }

  /**
   * The home of an order. `regular`, which then finds no such order, if no home can have such numbers.
   *
   * @throws {DatabaseError} `unavailable` if the configuration lacks the home: the order may exist there
   */
  ofOrder(orderNo: string): Home {
    const home = homeOfOrder(orderNo);
    if (!isHome(home)) return REGULAR;
    this.home(home);
    return home;
  }

  /** Fills all pools. Never rejects; failures go to the `onError` of the pool. */
  async fill(): Promise<void> {
    await Promise.all(this.servers.map((pool) => pool.fill()));
  }

  async close(): Promise<void> {
    for (const pool of this.servers) await pool.close();
  }
}
