import { setMaxListeners } from 'node:events';
import { backoffMs } from '../../../server/public/js/pace.js';
import { textOf } from '../client/answers.ts';
import { pathOf } from '../client/calls.ts';
import { type Network, Visit } from '../client/visit.ts';
import { Draws } from '../plan/draws.ts';
import type { Plan } from '../plan/read.ts';
import type { Tally } from '../report/tally.ts';
import { bargain } from './bot.ts';
import { type Buyer, pause } from './buyer.ts';
import { buy } from './errand.ts';
import { GUEST } from './identities.ts';
import { seeNotices } from './notices.ts';
import { openPage } from './page.ts';
import { type Person, personOf, wantedSku } from './person.ts';
import type { Puzzles } from './puzzles.ts';
import { Places, Request, type Undecided } from './requests.ts';
import { TRAITS, type Traits } from './traits.ts';
import { SaleWatch } from './watch.ts';

/**
 * One shopper, from the arrival to the end of the visit:
 *
 *   page ─▶ identity ─▶ waits for the opening ─▶ press ─┬─taken──▶ outcome ─▶ pays, cancels or keeps
 *    (looks at the sale in the pace of the page)  ▲      └refused─┐
 *                                                 └──── again ◀───┘   until the patience is over
 */

/** As the page (`sale-page.js`, `orders-panel.js`). */
const WITHIN_MS = 30_000;
const LOOK_AGAIN_MS = 1_500;

/** What all shoppers share. */
export interface World {
  readonly plan: Plan;
  readonly network: Omit<Network, 'localAddress'>;
  readonly addressOf: (share: number) => string | undefined;
  readonly tally: Tally;
  readonly puzzles: Puzzles;
  readonly undecided: Undecided;
  /** Aborted when the whole crowd goes home. */
  readonly stopping: AbortSignal;
}

export class Shopper {
  readonly #world: World;
  readonly #index: number;
  readonly #person: Person;
  readonly #traits: Traits;
  readonly #draws: Draws;
  readonly #visit: Visit;
  readonly #watch: SaleWatch;
  /** Those that may be open. A bot makes hundreds. */
  #requests: Request[] = [];
  readonly #places = new Places();
  /** Ends the visit: the patience is over, or the crowd goes home. */
  readonly #over = new AbortController();
  #watching = new AbortController();

  constructor(world: World, index: number) {
    const { plan, network, tally } = world;
    this.#world = world;
    this.#index = index;
    this.#person = personOf(plan, index, world.addressOf);
    this.#traits = TRAITS[this.#person.behaviour];
    this.#draws = new Draws(plan.seed, index, 'purchase');
    const ofNetwork = new Draws(plan.seed, index, 'network');
    const localAddress = this.#person.address;
    this.#visit = new Visit({ ...network, localAddress }, ofNetwork, tally);
    this.#watch = new SaleWatch(plan.sale, this.#visit, new Draws(plan.seed, index, 'pace'));
    // One for each pause and each call that runs.
    setMaxListeners(50, this.#over.signal);
  }

  /**
   * Plays the whole visit. Never throws.
   *
   * @param dueMs the moment of the arrival, by the monotonic clock
   * @param token of the shopper, `guest`, or undefined if there is none
   */
  async play(dueMs: number, token: Promise<string | undefined>): Promise<void> {
    const { tally, stopping, undecided } = this.#world;
    // Calls that run get no answer any more, because the shopper is gone.
    const stop = () => {
      this.#over.abort();
      this.#visit.leave();
    };
    stopping.addEventListener('abort', stop);
    // It is not used up by waiting for the opening.
    const patience = setTimeout(() => {
      if (this.#watch.isScheduled) patience.refresh();
      else stop();
    }, this.#world.plan.patienceMs);
    tally.behaviours.add(this.#person.behaviour);
    try {
      tally.ends.add(await this.#live(dueMs, { patience, token }));
    } catch (error) {
      if (!this.#over.signal.aborted) tally.gaps.add(`faults of the generator: ${error}`);
      tally.ends.add(stopping.aborted ? 'sent home' : 'out of patience');
    } finally {
      clearTimeout(patience);
      stopping.removeEventListener('abort', stop);
      this.#watching.abort();
      this.#over.abort();
      this.#visit.leave();
      for (const request of this.#requests) undecided.add(request);
      undecided.addPlaces(this.#places);
    }
  }

  /** How the visit has ended. */
  async #live(
    dueMs: number,
    given: { readonly patience: NodeJS.Timeout; readonly token: Promise<string | undefined> },
  ): Promise<string> {
    const { plan } = this.#world;
    const over = this.#over.signal;
    const { isBot } = this.#traits;
    if (!isBot) await openPage(this.#visit, plan, { dueMs });
    if (!(await this.#seeSale(isBot ? { dueMs } : {}))) return 'no such sale';
    this.#beginWatching();
    const token = await this.#signIn(await given.token);
    if (token === undefined) return 'no identity';
    const there = this.#watch.facts?.skus.map(({ sku }) => sku) ?? [];
    const sku = wantedSku(this.#person, there, plan.skus);
    if (sku === undefined) return 'no such SKU';
    const { wait } = this.#person;
    const { tally, puzzles } = this.#world;
    const [visit, draws] = [this.#visit, this.#draws];
    const buyer: Buyer = { plan, visit, tally, puzzles, draws, over, token, sku, wait };
    if (isBot) {
      return bargain(buyer, { newRequest: (atMs) => this.#newRequest(token, atMs) });
    }
    const asks = this.#traits.asksForNotices ? this.#index + 1 : undefined;
    this.#later(0, () => seeNotices(buyer, asks));
    const isEarly = this.#watch.phaseOf(sku) === 'scheduled';
    if (!isEarly) await this.#listOrders(token);
    if (!(await this.#watch.untilOpen(sku, over))) return 'closed';
    // All pages that have waited do so at the opening.
    if (isEarly) this.#later(this.#draws.between(0, WITHIN_MS), () => this.#listOrders(token));
    // Who waited for the opening tries as long as who comes later.
    given.patience.refresh();
    if (this.#traits.presses === 0) {
      await pause(plan.patienceMs, over).catch(() => {});
      return this.#world.stopping.aborted ? 'sent home' : 'looked only';
    }
    return buy({
      ...{ buyer, traits: this.#traits, watch: this.#watch },
      newRequest: (atMs, key) => this.#newRequest(token, atMs, key),
      places: this.#places,
      goAndComeBack: () => this.#goAndComeBack(buyer),
    });
  }

  /** The first look at the sale, again and again until there is an answer. */
  async #seeSale(first: { readonly dueMs?: number }): Promise<boolean> {
    for (let failures = 1; ; failures += 1) {
      const answer = await this.#watch.look(failures === 1 ? first : {});
      if (answer.kind === 'ok') return true;
      if (answer.kind === 'refused' && answer.status === 404) return false;
      const failed = answer.kind === 'refused' ? answer : ({ kind: 'unanswered' } as const);
      await pause(backoffMs(failed, failures, this.#draws.next()), this.#over.signal);
    }
  }

  /** Looks at the sale meanwhile, or loads the whole page again and again. */
  #beginWatching(): void {
    if (this.#traits.isBot) return;
    this.#watching = new AbortController();
    const over = AbortSignal.any([this.#watching.signal, this.#over.signal]);
    const watching = this.#traits.reloads ? this.#reloadOften(over) : this.#watch.watch(over);
    watching.catch(() => {});
  }

  async #reloadOften(over: AbortSignal): Promise<void> {
    const { plan } = this.#world;
    const draws = new Draws(plan.seed, this.#index, 'reload');
    for (;;) {
      await pause(draws.around(plan.pausesMs.reload), over);
      // The browser ends the calls of the page that goes away.
      this.#visit.comeBack();
      await openPage(this.#visit, plan);
      await this.#watch.look({ isFresh: true });
    }
  }

  async #signIn(known: string | undefined): Promise<string | undefined> {
    if (known !== GUEST) {
      if (known === undefined) {
        this.#world.tally.gaps.add('shoppers without a token, because the file has too few');
      }
      return known;
    }
    for (let failures = 1; ; failures += 1) {
      const guest = await this.#visit.call({ name: 'guest', path: pathOf('guest') });
      if (guest.kind === 'ok') return textOf(guest.body, 'token');
      if (guest.kind === 'refused' && guest.status === 404) {
        this.#world.tally.gaps.add('shoppers without an identity, because the shop has no guests');
        return undefined;
      }
      const failed = guest.kind === 'refused' ? guest : ({ kind: 'unanswered' } as const);
      await pause(backoffMs(failed, failures, this.#draws.next()), this.#over.signal);
    }
  }

  #newRequest(token: string, dueMs: number, key?: string): Request {
    const request = new Request(this.#world.tally, token, dueMs, key);
    this.#requests = [
      ...this.#requests.filter(({ isOver, isUndecided }) => !isOver || isUndecided),
      request,
    ];
    return request;
  }

  /** The page reads the list twice, because the shop may answer from a cache. */
  async #listOrders(token: string): Promise<void> {
    const list = async () => {
      await this.#visit.call({ name: 'orders', path: pathOf('orders'), token });
    };
    this.#later(LOOK_AGAIN_MS, list);
    await list();
  }

  /** What the page does beside all else, if the shopper is still there. */
  #later(ms: number, work: () => Promise<void>): void {
    pause(ms, this.#over.signal).then(work, () => {});
  }

  async #goAndComeBack({ plan, over, token, draws }: Buyer): Promise<void> {
    this.#watching.abort();
    this.#visit.leave();
    await pause(draws.around(plan.pausesMs.back), over);
    this.#visit.comeBack();
    await openPage(this.#visit, plan);
    await this.#watch.look({ isFresh: true });
    this.#beginWatching();
    await this.#listOrders(token);
  }
}
