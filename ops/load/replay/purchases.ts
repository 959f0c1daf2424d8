import { textOf } from '../client/answers.ts';
import { READ_TIMEOUT_MS, WRITE_TIMEOUT_MS } from '../client/visit.ts';
import { pathIn } from '../shopper/buyer.ts';
import { Request } from '../shopper/requests.ts';
import type { Orders } from './orders.ts';
import { type Due, type MakeCall, type Stage, type WhyNot, waitSeconds } from './stage.ts';
import type { Tickets } from './tickets.ts';

interface Pressed {
  readonly request: Request;
  /** Resolves when the shop has answered, or when there was no ticket to press with. */
  readonly answered: Promise<WhyNot>;
}

/** The purchases of a replayed shopper, and what it asks about them. */
export class Purchases {
  readonly #stage: Stage;
  readonly #call: MakeCall;
  readonly #tickets: Tickets;
  readonly #orders: Orders;
  /** By their numbers in the recording. */
  readonly #pressed = new Map<number, Pressed>();
  /** The shop may have taken them, though nobody asks for them in the recording. */
  readonly #unasked: Request[] = [];

  constructor(
    stage: Stage,
    call: MakeCall,
    own: { readonly tickets: Tickets; readonly orders: Orders },
  ) {
    this.#stage = stage;
    this.#call = call;
    this.#tickets = own.tickets;
    this.#orders = own.orders;
  }

  /** What the shop has not decided is looked up at the end. */
  leave(): void {
    const all = [...this.#pressed.values().map(({ request }) => request), ...this.#unasked];
    for (const request of all) this.#stage.undecided.add(request);
  }

  press(due: Due): Promise<WhyNot> {
    const { request: number } = due.recorded;
    const known = number === undefined ? undefined : this.#pressed.get(number);
    const request = known?.request ?? new Request(this.#stage.tally, due.token, due.dueMs);
    const answered = this.#send(due, request);
    if (number !== undefined) this.#pressed.set(number, { request, answered });
    return answered;
  }

  async #send({ recorded, dueMs, token }: Due, request: Request): Promise<WhyNot> {
    const path = await this.#tickets.pathFor(recorded.sku ?? 0);
    if (path === undefined) return 'presses without a ticket';
    const { request: number, quantity = this.#stage.plan.quantity } = recorded;
    request.sent();
    const headers = {
      'idempotency-key': request.key,
      ...(request.isUnsure && { 'idempotency-retry': 'true' }),
    };
    const timeoutMs = WRITE_TIMEOUT_MS;
    const body = { quantity };
    const call = { name: 'buy', path, token, body, headers, timeoutMs, dueMs } as const;
    const answer = await this.#call(call, recorded);
    const statusUrl = answer.kind === 'ok' ? textOf(answer.body, 'statusUrl') : undefined;
    if (statusUrl !== undefined) request.taken(statusUrl);
    else if (answer.kind === 'refused' && answer.statusUrl === null) {
      if (!request.isUnsure && !request.isTaken) request.ended('refused');
    } else {
      request.isUnsure = true;
      if (answer.kind === 'refused') request.statusUrl = answer.statusUrl ?? request.statusUrl;
    }
    if (number === undefined && request.isUndecided) this.#unasked.push(request);
    return undefined;
  }

  /** A status call waits for the answer to its press, which tells what to ask for. */
  async askStatus({ recorded, dueMs, token }: Due): Promise<WhyNot> {
    const { call, request: number = 0 } = recorded;
    const pressed = this.#pressed.get(number);
    const whyNot = pressed === undefined ? 'none' : await pressed.answered;
    if (pressed === undefined || whyNot !== undefined) return 'status calls without a press';
    const { request } = pressed;
    if (request.isOver && !request.isTaken) return 'status calls of presses that were refused here';
    const seconds = waitSeconds(recorded, this.#stage);
    const path = pathIn(request.statusUrl, {
      ...(call === 'long-poll' && { wait: seconds }),
      ...(call === 'stream' && { events: true }),
    });
    let last: unknown;
    const onEvent = (data: unknown) => {
      last = data;
    };
    const answer = await this.#call(
      {
        ...{ name: call, path, token, dueMs },
        ...(call === 'long-poll' && { timeoutMs: seconds * 1_000 + READ_TIMEOUT_MS }),
        ...(call === 'stream' && { onEvent }),
      },
      recorded,
    );
    if (answer.kind !== 'ok') return undefined;
    const body = call === 'stream' ? last : answer.body;
    const status = textOf(body, 'status') ?? 'queued';
    if (status !== 'queued') request.seen(status);
    this.#orders.note(body);
    return undefined;
  }
}
