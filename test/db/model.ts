import type { AdmittedRequest, Decision } from '../../db/calls.ts';

/**
 * A model of the order routines in memory, for tests to compare with: one SKU, one call after the
 * other.
 */

export type OrderState = 'ordered' | 'paid' | 'cancelled' | 'expired';
export interface ModelOrder {
  readonly requestId: string;
  readonly userId: string;
  readonly units: number;
  state: OrderState;
  paidBy?: string;
}

type Answer = Omit<Decision, 'orderNo'>;

export class Model {
  free: number;
  readonly userLimit: number;
  readonly orders = new Map<string, ModelOrder>();
  readonly #outcomes = new Map<string, { userId: string; answer: Answer }>();

  constructor(units: number, userLimit: number) {
    this.free = units;
    this.userLimit = userLimit;
  }

  held(userId?: string): number {
    return [...this.orders.values()]
      .filter(({ state }) => state === 'ordered' || state === 'paid')
      .filter((order) => userId === undefined || order.userId === userId)
      .reduce((sum, { units }) => sum + units, 0);
  }

  /** The units that an order has now. */
  unitsOf(requestId: string): number {
    const order = this.orders.get(requestId);
    return order?.state === 'ordered' || order?.state === 'paid' ? order.units : 0;
  }

  /** The final answers to a batch. */
  place(batch: readonly AdmittedRequest[]): Answer[] {
    return this.#decide(batch);
  }

  #decide(batch: readonly AdmittedRequest[]): Answer[] {
    const answers = new Map<number, Answer>();
    const claimed = new Map<string, string>();
    const credited = new Map<string, number>();
    const soldOut = this.free === 0;
    const buying: number[] = [];
    for (const [at, { requestId, userId, units }] of batch.entries()) {
      const known = this.#outcomes.get(requestId);
      const owner = known?.userId ?? claimed.get(requestId) ?? userId;
      const say = (status: Answer['status'], reason: string | null = null) =>
        answers.set(at, { requestId, status, reason, units: 0 });
      if (owner !== userId) say('rejected', 'request_id_taken');
      else if (known !== undefined) answers.set(at, known.answer);
      else if (claimed.has(requestId)) continue;
      else {
        claimed.set(requestId, userId);
        const mine = credited.get(userId) ?? this.held(userId);
        if (units < 1) say('rejected', 'bad_units');
        else if (units > this.userLimit) say('limit_reached');
        else if (soldOut) buying.push(at);
        else if (mine + units > this.userLimit) say('limit_reached');
        else {
          credited.set(userId, mine + units);
          buying.push(at);
        }
      }
    }
    let sold = 0;
    const unserved: number[] = [];
    /** Users who were counted with more units than they get. */
    const short = new Set<string>();
    for (const at of buying) {
      const { requestId, userId, units: wanted, acceptFewer } = batch[at] as AdmittedRequest;
      const units = wanted <= this.free || acceptFewer !== true ? wanted : this.free;
      if (units > this.free || units < wanted) short.add(userId);
      if (units > this.free || units === 0) {
        unserved.push(at);
        continue;
      }
      this.free -= units;
      sold += units;
      this.orders.set(requestId, { requestId, userId, units, state: 'ordered' });
      answers.set(at, { requestId, status: 'ordered', reason: null, units });
    }
    const why = this.mayReturn(sold) ? 'units_may_return' : this.free > 0 ? 'too_few_left' : null;
    for (const at of unserved) {
      const { requestId } = batch[at] as AdmittedRequest;
      answers.set(at, { requestId, status: 'sold_out', reason: why, units: 0 });
    }
    let isOpen = false;
    for (const [at, { requestId, userId, units }] of batch.entries()) {
      const isBeyond = answers.get(at)?.status === 'limit_reached' && units <= this.userLimit;
      if (isBeyond && !soldOut && !this.#outcomes.has(requestId) && short.has(userId)) {
        isOpen = true;
        continue;
      }
      const answer = answers.get(at);
      if (answer !== undefined && answer.reason !== 'request_id_taken') {
        this.#outcomes.set(requestId, { userId, answer });
      }
    }
    if (isOpen) return this.#decide(batch);
    // A request that is twice in a batch gets the same answer twice.
    return batch.map(
      ({ requestId }, at) => answers.get(at) ?? (this.#outcomes.get(requestId)?.answer as Answer),
    );
  }

  /** Whether units may come back, after a batch that has sold `sold`. */
  protected mayReturn(sold: number): boolean {
    return sold > 0 || [...this.orders.values()].some(({ state }) => state === 'ordered');
  }

  pay(order: ModelOrder, paymentRef: string): string {
    if (order.paidBy === paymentRef) return order.state === 'paid' ? 'paid' : 'refund_due';
    if (order.state === 'expired' && order.paidBy === undefined) {
      const within = this.held(order.userId) + order.units <= this.userLimit;
      if (!within || this.free < order.units) return 'refund_due';
      this.free -= order.units;
    } else if (order.state !== 'ordered') return 'refund_due';
    order.state = 'paid';
    order.paidBy = paymentRef;
    return 'paid';
  }

  /** The shop ends a paid order. */
  refund(order: ModelOrder): string {
    if (order.state === 'paid') {
      order.state = 'cancelled';
      this.free += order.units;
    }
    if (order.state !== 'cancelled') return order.state;
    return order.paidBy === undefined ? 'cancelled' : 'refund_due';
  }

  /** Cancels or expires an order. */
  giveUp(order: ModelOrder, as: 'cancelled' | 'expired'): string {
    if (order.state !== 'ordered') return order.state;
    order.state = as;
    this.free += order.units;
    return as;
  }
}

/** Daily goods on one day: orders are paid at once, and a user who had the unit of the day gets no other. */
export class DayModel extends Model {
  override held(userId?: string): number {
    return [...this.orders.values()].filter(
      (order) => userId === undefined || order.userId === userId,
    ).length;
  }

  override place(batch: readonly AdmittedRequest[]): Answer[] {
    const answers = super.place(batch);
    for (const order of this.orders.values()) if (order.state === 'ordered') order.state = 'paid';
    return answers;
  }
}

/** A pot: the same, and a packet stays with its user when its order ends. */
export class PotModel extends DayModel {
  protected override mayReturn(): boolean {
    return false;
  }

  override unitsOf(requestId: string): number {
    return this.orders.has(requestId) ? 1 : 0;
  }

  override refund(order: ModelOrder): string {
    const before = this.free;
    const said = super.refund(order);
    this.free = before;
    return said;
  }
}
