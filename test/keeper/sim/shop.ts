import type { UnitCounts } from '../../../keeper/figures.ts';
import type { Clock, SimProcess } from './clock.ts';
import type { Random } from './random.ts';

/**
 * Queue, worker and database of the simulation, as far as the keeper and the web nodes depend on
 * them.
 */

export interface SimRequest {
  readonly id: number;
  readonly sku: string;
  /** Units drawn. */
  readonly units: number;
  readonly acceptFewer: boolean;
  /** Units of its order, once there is one. */
  ordered: number;
  /** Node id under which the units were drawn. */
  readonly node: string;
  /** `drawn`: at the web node; `published`: sent or in the queue. */
  state: 'drawn' | 'published' | 'ordered' | 'sold_out' | 'rejected' | 'gone';
  /** Reports the outcome to the web node; undefined when that process is dead. */
  readonly tell: (request: SimRequest) => void;
}

export interface Stock {
  total: number;
  held: number;
}

type Message = { readonly request: SimRequest } | { readonly settled: () => void };

const SETTLE_TIMEOUT_MS = 1_500;
const SETTLE_GRACE_MS = 20;
const BATCH_MS = 4;

export class Shop {
  readonly stock = new Map<string, Stock>();
  readonly fenced = new Set<string>();
  /** Units drawn and neither decided nor refunded, by node id and SKU; without fenced nodes. */
  readonly underWay = new Map<string, Map<string, number>>();
  readonly orders: SimRequest[] = [];
  isDatabaseDown = false;
  isWorkerStopped = false;
  #clock: Clock;
  #random: Random;
  #queue: Message[] = [];

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
    this.#work();
  }

  stockOf(sku: string): Stock {
    const stock = this.stock.get(sku);
    if (!stock) throw new Error(`no SKU ${sku}`);
    return stock;
  }

  #count(request: SimRequest, units: number): void {
    const node = this.underWay.get(request.node) ?? new Map<string, number>();
    node.set(request.sku, (node.get(request.sku) ?? 0) + units);
    this.underWay.set(request.node, node);
  }

  drawn(request: SimRequest): void {
    this.#count(request, request.units);
  }

  /** The request will not arrive: it was refunded, or its process died before it was sent. */
  gone(request: SimRequest): void {
    if (request.state !== 'drawn') return;
    request.state = 'gone';
    if (!this.fenced.has(request.node)) this.#count(request, -request.units);
  }

  /** Sends the request to the broker, where it arrives after a delay. */
  publish(request: SimRequest, delayMs: number): void {
    request.state = 'published';
    this.#clock.after(delayMs, () => this.#queue.push({ request }));
  }

  #work(): void {
    this.#clock.after(this.#random.between(BATCH_MS / 2, BATCH_MS * 2), () => {
      this.#work();
      if (this.isDatabaseDown || this.isWorkerStopped) return;
      for (const message of this.#queue.splice(0, this.#random.integer(1, 20))) {
        if ('settled' in message) message.settled();
        else this.#decide(message.request);
      }
    });
  }

  #decide(request: SimRequest): void {
    const { sku, units, node, acceptFewer } = request;
    const stock = this.stockOf(sku);
    this.#clock.isChanged = true;
    if (this.fenced.has(node)) {
      request.state = 'rejected';
    } else {
      this.#count(request, -units);
      const left = stock.total - stock.held;
      // Sometimes fewer units are found than were drawn, as after slots were emptied by hand.
      const found = acceptFewer && this.#random.chance(0.1) ? Math.min(left, 1) : left;
      request.ordered = found >= units ? units : acceptFewer ? found : 0;
      request.state = request.ordered > 0 ? 'ordered' : 'sold_out';
      stock.held += request.ordered;
      if (request.ordered > 0) this.orders.push(request);
    }
    request.tell(request);
  }

  /** One order is cancelled or expires; its units are free again. */
  giveBack(sku: string): void {
    const index = this.orders.findIndex((order) => order.sku === sku);
    const [order] = index < 0 ? [] : this.orders.splice(index, 1);
    if (order) this.stockOf(sku).held -= order.ordered;
  }

  /**
   * Like the keeper's `unitCounts`: the counts at the time of the call, returned a little later.
   */
  counts(process: SimProcess): Promise<UnitCounts> {
    return new Promise((resolve, reject) => {
      const askMs = this.#random.between(0.3, 8);
      const answerMs = this.#random.between(0.3, 8);
      this.#clock.after(askMs, () => {
        const counts = [...this.stock].map(([sku, { total, held }]) => ({
          sku,
          unitsTotal: total,
          free: total - held,
        }));
        const isDown = this.isDatabaseDown;
        const answer = () =>
          isDown
            ? reject(new Error('the database is down'))
            : resolve({ counts, isComplete: true });
        this.#clock.after(answerMs, answer, process);
      });
    });
  }

  /** Like the keeper's `settle`: drains the queue, then fences the node. */
  async settle(node: string, process: SimProcess): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('not drained')), SETTLE_TIMEOUT_MS);
      const settled = () => {
        const reply = () => {
          clearTimeout(timer);
          resolve();
        };
        this.#clock.after(this.#random.between(0.2, 3), reply, process);
      };
      this.#clock.after(this.#random.between(0.2, 3), () => this.#queue.push({ settled }));
    });
    await new Promise((resolve) => setTimeout(resolve, SETTLE_GRACE_MS));
    await new Promise<void>((resolve, reject) => {
      this.#clock.after(this.#random.between(0.3, 5), () => {
        const isDown = this.isDatabaseDown;
        if (!isDown) this.fence(node);
        const answer = () => (isDown ? reject(new Error('the database is down')) : resolve());
        this.#clock.after(this.#random.between(0.3, 5), answer, process);
      });
    });
  }

  fence(node: string): void {
    this.fenced.add(node);
    this.underWay.delete(node);
  }

  unitsUnderWay(sku: string): number {
    let units = 0;
    for (const skus of this.underWay.values()) units += skus.get(sku) ?? 0;
    return units;
  }
}
