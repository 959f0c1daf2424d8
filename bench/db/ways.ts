/** The compared ways: what a client sends, how many clients there are, and which rows are counted. */

export interface Way {
  readonly key: string;
  /** The title in the table of the documentation. */
  readonly title: string;
  readonly clients: number;
  /** Orders in one transaction. */
  readonly batch: number;
  readonly slots: number;
  /**
   * Text of a pgbench script for one order a call; `:u` is a random number. Batches come from a
   * Node client, see drive.ts.
   */
  readonly script?: string;
  readonly batchCall?: 'place_orders' | 'insert_only';
  /** The table whose rows are the committed orders. */
  readonly counted: 'plain_order' | 'orders';
}

const ONE_IDS = `ARRAY[gen_random_uuid()], ARRAY['user-' || :u::text]`;
const PLACE_ONE = `SELECT * FROM hot.place_orders('TV', ${ONE_IDS}, '{1}', '{f}', '{node-1}');`;
const INSERT_ONE = `SELECT bench.insert_only('sale', 'TV', ${ONE_IDS}, '{1}', '{node-1}');`;
const TWO_STATEMENTS = `BEGIN;
UPDATE bench.stock SET remaining = remaining - 1 WHERE sku = 'TV' AND remaining > 0;
INSERT INTO bench.plain_order (sku, user_id) VALUES ('TV', 'user-' || :u::text);
COMMIT;`;

const perClients = (
  key: string,
  title: string,
  way: Pick<Way, 'slots' | 'script' | 'counted'>,
): Way[] =>
  [8, 32].map((clients) => ({ ...way, key: `${key}_c${clients}`, title, clients, batch: 1 }));

const batch = (
  call: 'place_orders' | 'insert_only',
  size: number,
  clients: number,
  slots = 16,
): Way => ({
  key: `${call === 'place_orders' ? 'batch' : 'insert'}${size}_c${clients}`,
  title:
    call === 'place_orders' ? `batch of ${size}, ${slots} slots` : `insert only, batch of ${size}`,
  clients,
  batch: size,
  slots,
  batchCall: call,
  counted: 'orders',
});

export const WAYS: readonly Way[] = [
  ...perClients('two_statements', 'two statements from the client, one row', {
    slots: 1,
    script: TWO_STATEMENTS,
    counted: 'plain_order',
  }),
  ...perClients('one_row', 'the same in a procedure', {
    slots: 1,
    script: `SELECT bench.one_row('user-' || :u::text);`,
    counted: 'plain_order',
  }),
  ...perClients('main_text', 'fullest of 64 slots, FOR UPDATE that waits, one row an order', {
    slots: 64,
    script: `SELECT bench.for_update('user-' || :u::text);`,
    counted: 'plain_order',
  }),
  ...perClients('for_update', "place_orders with the main text's FOR UPDATE, 64 slots", {
    slots: 64,
    script: PLACE_ONE.replace('place_orders', 'place_orders_for_update'),
    counted: 'orders',
  }),
  ...perClients('slots16', 'place_orders, one order a call, 16 slots', {
    slots: 16,
    script: PLACE_ONE,
    counted: 'orders',
  }),
  ...perClients('slots64', 'place_orders, one order a call, 64 slots', {
    slots: 64,
    script: PLACE_ONE,
    counted: 'orders',
  }),
  ...perClients('insert1', 'insert only, one order a call', {
    slots: 1,
    script: INSERT_ONE,
    counted: 'orders',
  }),
  batch('place_orders', 50, 8),
  batch('insert_only', 50, 8),
  batch('place_orders', 100, 8),
  batch('place_orders', 200, 2),
  batch('insert_only', 200, 2),
  batch('place_orders', 200, 4),
  batch('place_orders', 400, 4),
  batch('place_orders', 200, 32, 64),
];

/** Orders/s by way and disk: `own` and `slow` (1 ms at every commit). */
export type Rates = Readonly<Record<string, number>>;

const best = (rates: Rates) =>
  Math.max(
    ...WAYS.filter((way) => way.batchCall === 'place_orders').map(({ key }) => rates[key] ?? 0),
  );

/** The ratios of one round. Each is computed for both disks. */
export const RATIOS: Readonly<Record<string, (rates: Rates) => number>> = {
  batch_vs_two_statements_c32: (rates) => best(rates) / (rates['two_statements_c32'] ?? 0),
  batch_vs_insert_only: (rates) => (rates['batch200_c2'] ?? 0) / (rates['insert200_c2'] ?? 0),
  batch100_vs_batch1: (rates) => (rates['batch100_c8'] ?? 0) / (rates['slots16_c8'] ?? 0),
  single_vs_insert_only_c32: (rates) => (rates['slots64_c32'] ?? 0) / (rates['insert1_c32'] ?? 0),
  slots_vs_for_update_c32: (rates) => (rates['slots64_c32'] ?? 0) / (rates['for_update_c32'] ?? 0),
};
