import { textOf } from '../client/answers.ts';
import { pathOf } from '../client/calls.ts';
import { pathIn } from '../shopper/buyer.ts';
import { type Due, type MakeCall, NO_SKU, type Stage, type WhyNot } from './stage.ts';

/** The tickets of a replayed shopper. */

interface Ticket {
  /** Of the SKU in the recording. */
  readonly place: number;
  /** Of the purchase; undefined if the shop has refused the ticket. */
  readonly path: Promise<string | undefined>;
  isUsed: boolean;
}

export class Tickets {
  readonly #stage: Stage;
  readonly #call: MakeCall;
  #tickets: Ticket[] = [];
  #solution: Promise<string | null> | undefined;

  constructor(stage: Stage, call: MakeCall) {
    this.#stage = stage;
    this.#call = call;
  }

  async ask(due: Due): Promise<WhyNot> {
    // The edge does not see what a call that it refuses itself was for.
    const place = due.recorded.sku ?? 0;
    const sku = this.#stage.skuAt(place);
    if (sku === undefined) return NO_SKU;
    const ticket = { place, path: this.#pathOf(sku, due), isUsed: false };
    this.#tickets = [...this.#tickets.filter(({ isUsed }) => !isUsed), ticket];
    if ((await ticket.path) !== undefined) return undefined;
    this.#tickets = this.#tickets.filter((one) => one !== ticket);
    return undefined;
  }

  /**
   * The path of a purchase with the oldest ticket that was not used; else with the last one, as a page sends a
   * purchase again.
   */
  async pathFor(place: number): Promise<string | undefined> {
    const own = this.#tickets.filter((one) => one.place === place);
    const ticket = own.find(({ isUsed }) => !isUsed) ?? own.at(-1);
    if (ticket === undefined) return undefined;
    ticket.isUsed = true;
    return ticket.path;
  }

  async #pathOf(sku: string, { recorded, dueMs, token }: Due): Promise<string | undefined> {
    const { plan, puzzles } = this.#stage;
    const path = pathOf('ticket', { sale: plan.sale });
    const solved = this.#solution;
    this.#solution = undefined;
    let challenge = await solved;
    for (let isFirst = true; ; isFirst = false) {
      const body = challenge ? { sku, challenge } : { sku };
      const call = { name: 'ticket', path, token, body, ...(isFirst && { dueMs }) } as const;
      const answer = await this.#call(call, recorded);
      if (answer.kind === 'ok') return pathIn(textOf(answer.body, 'purchaseUrl') ?? '');
      if (answer.kind !== 'refused' || answer.challenge === null) return undefined;
      const solving = puzzles.solve(answer.challenge);
      if (!isFirst || recorded.verdict !== 'ok') {
        // It goes with the next recorded call.
        this.#solution = solving;
        return undefined;
      }
      // The recorded shopper had no challenge.
      challenge = await solving;
    }
  }
}
