import type { QueueFigures } from '../../broker/queues.ts';
import { DEAD_LETTERS_QUEUE } from '../../contracts/topology.ts';
import type { Databases } from '../../db/client/pool.ts';
import { strandedRows } from '../../db/stranded.ts';
import type { ZkSession } from '../../zk/client/session.ts';
import type { Paths } from '../../zk/tree/paths.ts';
import { BookLook, type BookView } from './books.ts';
import { Monitors } from './monitors.ts';
import { TreeLook, type TreeSku, type TreeView } from './tree.ts';
import type { LiveSku, LiveView } from './view.ts';

/**
 * Collects what people see of a running sale, from ZooKeeper, the database, the broker and the
 * monitor ports of web nodes. Each source fails alone: the view then says which one is missing.
 */

/** A source that answers later than this is missing in one view. */
const SOURCE_TIMEOUT_MS = 2_500;

const NO_TREE: TreeView = {
  nodes: [],
  skus: [],
  held: new Map(),
  keep: null,
  shed: null,
  challenge: null,
  errors: [],
};
const NO_BOOKS: BookView = { sales: [], skus: [], stock: [], missing: [] };

/** A SKU of the catalogue that has no switches in the tree that answers. */
const NO_SWITCHES = {
  quota: null,
  state: null,
  keep: null,
  shed: null,
  challenge: null,
  waitlist: null,
  share: 1,
  isAutomatic: false,
  granted: 0,
  admitted: 0,
  pins: {},
} satisfies Omit<TreeSku, 'sku' | 'pressesPerSecond' | 'keptPerSecond'>;

const NO_STOCK = {
  total: null,
  free: null,
  held: null,
  sold: null,
  waitlisted: null,
  waitlistServed: null,
  waitlistHeld: null,
  claimSeconds: null,
  ordersPerSecond: null,
};

export interface Sources {
  readonly session: ZkSession;
  readonly paths: Paths;
  readonly databases: Databases;
  /** Lengths of the queues. */
  readonly queues: () => Promise<readonly QueueFigures[]>;
  /** Base URLs of the web nodes' monitor ports. */
  readonly monitors: readonly string[];
}

export class Collector {
  #tree: TreeLook;
  #books: BookLook;
  #monitors: Monitors;
  #queues: Sources['queues'];

  constructor({ session, paths, databases, queues, monitors }: Sources) {
    this.#tree = new TreeLook(session, paths);
    this.#books = new BookLook(databases);
    this.#monitors = new Monitors(monitors);
    this.#queues = queues;
  }

  /** Never rejects. */
  async look(): Promise<LiveView> {
    const missing: string[] = [];
    const from = async <T>(source: string, ask: Promise<T>, otherwise: T): Promise<T> => {
      try {
        return await inTime(ask);
      } catch (error) {
        missing.push(`${source}: ${error instanceof Error ? error.message : error}`);
        return otherwise;
      }
    };
    const [tree, books, queues, answers] = await Promise.all([
      from('ZooKeeper', this.#tree.look(), NO_TREE),
      from('the database', this.#books.look(), NO_BOOKS),
      from('RabbitMQ', this.#queues(), []),
      from('the monitors of web nodes', this.#monitors.look(), null),
    ]);
    for (const home of books.missing) missing.push(`the database of ${home} does not answer`);
    const dead = queues.find(({ queue }) => queue === DEAD_LETTERS_QUEUE)?.messages ?? 0;
    const { nodes, held, keep, shed, challenge, errors } = tree;
    return {
      at: new Date().toISOString(),
      sales: books.sales,
      skus: joined(tree, books),
      nodes,
      keep,
      shed,
      challenge,
      answers,
      queues,
      stranded: strandedRows(held, books.stock, dead),
      errors,
      missing,
    };
  }
}

/** In the order of the catalogue; SKUs that only ZooKeeper knows come last. */
function joined(tree: TreeView, books: BookView): LiveSku[] {
  const switches = new Map(tree.skus.map((sku) => [sku.sku, sku]));
  // Nobody presses for a SKU without switches. Without ZooKeeper, nobody knows.
  const rate = tree === NO_TREE ? null : 0;
  const sold = books.skus.map((book) => ({
    ...NO_SWITCHES,
    ...{ pressesPerSecond: rate, keptPerSecond: rate },
    ...switches.get(book.sku),
    ...book,
  }));
  const names = new Set(books.skus.map(({ sku }) => sku));
  const others = tree.skus.filter(({ sku }) => !names.has(sku));
  return [...sold, ...others.map((sku) => ({ ...NO_STOCK, ...sku }))];
}

async function inTime<T>(ask: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`no answer within ${SOURCE_TIMEOUT_MS} ms`)),
      SOURCE_TIMEOUT_MS,
    );
  });
  try {
    return await Promise.race([ask, late]);
  } finally {
    clearTimeout(timer);
    // An answer that fails after the deadline has no other handler.
    ask.catch(() => {});
  }
}
