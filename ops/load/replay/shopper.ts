import { type Answer, textOf, UNANSWERED } from '../client/answers.ts';
import { pathOf } from '../client/calls.ts';
import { type Call, Visit } from '../client/visit.ts';
import { Draws } from '../plan/draws.ts';
import type { RecordedCall } from '../recording/format.ts';
import { GUEST } from '../shopper/identities.ts';
import { openPage } from '../shopper/page.ts';
import { Orders } from './orders.ts';
import { Purchases } from './purchases.ts';
import type { Due, Stage, WhyNot } from './stage.ts';
import { Tickets } from './tickets.ts';

/**
 * A recorded shopper, with an identity, tickets, requests and orders of this run: makes the recorded calls at
 * the recorded moments, whatever the shop answers. A call that needs what the shop has not given here is not
 * made, and counted.
 */
export class ReplayedShopper {
  readonly #stage: Stage;
  readonly #address: string | undefined;
  readonly #identity: Promise<string | undefined>;
  readonly #name: string;
  readonly #tickets: Tickets;
  readonly #orders: Orders;
  readonly #purchases: Purchases;
  #visit: Visit | undefined;
  #token: Promise<string | undefined> | undefined;
  #etag: string | null = null;
  /** Calls that run. */
  running = 0;
  /** When the last call was due. */
  lastMs = 0;

  constructor(
    stage: Stage,
    who: { readonly name: string; readonly address: string | undefined },
    identity: Promise<string | undefined>,
  ) {
    this.#stage = stage;
    this.#name = who.name;
    this.#address = who.address;
    this.#identity = identity;
    identity.catch(() => {});
    const call = (given: Call, recorded: RecordedCall) => this.#call(given, recorded);
    const [tickets, orders] = [new Tickets(stage, call), new Orders(stage, call)];
    this.#tickets = tickets;
    this.#orders = orders;
    this.#purchases = new Purchases(stage, call, { tickets, orders });
  }

  /** Breaks its connections. */
  rest(): void {
    if (this.#visit === undefined) return;
    this.#visit.leave();
    this.#visit = undefined;
    this.#stage.tally.alive -= 1;
  }

  leave(): void {
    this.rest();
    this.#purchases.leave();
  }

  /** Never throws. */
  async play(recorded: RecordedCall, dueMs: number): Promise<void> {
    this.running += 1;
    this.lastMs = dueMs;
    try {
      const whyNot = await this.#make(recorded, dueMs);
      if (whyNot !== undefined) this.#stage.tally.notMade.add(whyNot);
    } catch (error) {
      this.#stage.tally.gaps.add(`faults of the generator: ${error}`);
    }
    this.running -= 1;
  }

  async #make(recorded: RecordedCall, dueMs: number): Promise<WhyNot> {
    const { call } = recorded;
    if (call === 'page') {
      await openPage(this.#open(), this.#stage.plan, { dueMs });
      return undefined;
    }
    if (call === 'sale') return this.#lookAtSale(recorded, dueMs);
    if (call === 'notice-offer') {
      await this.#call({ name: call, path: pathOf(call), dueMs }, recorded);
      return undefined;
    }
    if (call === 'notice-ask') return 'requests for notices: addresses are not recorded';
    const token = await this.#signIn(dueMs);
    // A recorded guest identity is the one that this shopper needs anyway.
    if (call === 'guest') return undefined;
    if (token === undefined) return 'calls of shoppers without an identity';
    return this.#makeOwn({ recorded, dueMs, token });
  }

  #makeOwn(due: Due): Promise<WhyNot> {
    switch (due.recorded.call) {
      case 'ticket':
        return this.#tickets.ask(due);
      case 'buy':
        return this.#purchases.press(due);
      case 'status':
      case 'long-poll':
      case 'stream':
        return this.#orders.expect(this.#purchases.askStatus(due));
      case 'order':
      case 'checkout':
      case 'pay':
      case 'cancel':
        return this.#orders.handle(due);
      case 'waitlist-join':
      case 'waitlist':
      case 'waitlist-leave':
        return this.#orders.expect(this.#orders.wait(due));
      default:
        return this.#makePlain(due);
    }
  }

  /** A call that needs nothing but the name of the sale. */
  async #makePlain({ recorded, dueMs, token }: Due): Promise<undefined> {
    const name = recorded.call;
    const path = pathOf(name, { sale: this.#stage.plan.sale });
    await this.#call({ name, path, token, dueMs }, recorded);
  }

  async #lookAtSale(recorded: RecordedCall, dueMs: number): Promise<undefined> {
    const path = pathOf('sale', { sale: this.#stage.plan.sale });
    const isAgain = recorded.verdict === 'not_modified' && this.#etag !== null;
    const headers = isAgain ? { 'if-none-match': this.#etag ?? '' } : {};
    const answer = await this.#call({ name: 'sale', path, dueMs, headers }, recorded);
    if (answer.kind === 'ok') this.#etag = answer.headers.get('etag');
  }

  /** Once. If the shop gives no identity, the next call tries again. */
  #signIn(dueMs: number): Promise<string | undefined> {
    this.#token ??= this.#newToken(dueMs).then((token) => {
      if (token === undefined) this.#token = undefined;
      return token;
    });
    return this.#token;
  }

  async #newToken(dueMs: number): Promise<string | undefined> {
    const known = await this.#identity;
    if (known !== GUEST) return known;
    const answer = await this.#open().call({ name: 'guest', path: pathOf('guest'), dueMs });
    return answer.kind === 'ok' ? textOf(answer.body, 'token') : undefined;
  }

  async #call(call: Call, { verdict, ms }: RecordedCall): Promise<Answer> {
    // It has waited for an answer that the end of the run has broken off.
    if (this.#stage.stopping.aborted) return UNANSWERED;
    const hasLeft = verdict === 'left';
    const leavesAfterMs = ms / this.#stage.speed;
    return this.#open().call({ ...call, ...(hasLeft && { leavesAfterMs }) });
  }

  #open(): Visit {
    const { network, plan, tally } = this.#stage;
    if (this.#visit === undefined) {
      const draws = new Draws(plan.seed, 0, `network of ${this.#name}`);
      this.#visit = new Visit({ ...network, localAddress: this.#address }, draws, tally);
      tally.alive += 1;
    }
    return this.#visit;
  }
}
