import { randomUUID } from 'node:crypto';
import { build as buildHistogram } from 'hdr-histogram-js';
import { Line } from '../crowd/line.ts';
import { createSigner, type Keys, purchaseRequest } from '../crowd/purchase.ts';

/**
 * The crowd: a separate process that sends the requests of a million users, one slice at a time. It
 * signs their tickets and identities before the slice's clock starts, so that only purchase requests
 * are measured. It reports its own CPU use.
 */

export interface Crowd extends Keys {
  readonly skus: readonly string[];
  /** Share of users who press a second time, right after their first answer. */
  readonly twice: number;
  readonly connections: number;
}

export interface Place {
  readonly host: string;
  readonly port: number;
}

export interface Order {
  readonly crowd?: Crowd;
  /** Sign the requests of this many users who have not pressed yet. */
  readonly prepare?: number;
  /** Send all prepared requests, once each. */
  readonly press?: Place;
}

export interface Pressed {
  readonly presses: number;
  /** Presses without an answer, because of lost connections or timeouts. */
  readonly unanswered: number;
  /** Answers by SKU, then verdict. */
  readonly verdicts: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** From the first press to the last answer. */
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Milliseconds from the press to the whole answer. */
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number };
}

const ANSWER_TIMEOUT_MS = 30_000;
const LATENCY_MAX_MICROSECONDS = 60_000_000;

interface Press {
  readonly sku: string;
  readonly request: Buffer;
  /** The second request of the same user. */
  readonly again?: Buffer;
}

let crowd: Crowd | undefined;
let prepared: Press[] = [];
let nextUser = 0;
const run = randomUUID().slice(0, 8);

function prepare(users: number, { skus, twice, ...keys }: Crowd): void {
  const sign = createSigner(keys);
  prepared = Array.from({ length: users }, () => {
    const number = nextUser++;
    const userId = `crowd-${run}-${number}`;
    const sku = skus[number % skus.length] as string;
    const token = sign.token(userId);
    const address = `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;
    const request = () =>
      purchaseRequest(sign.ticket(userId, sku), token, [`x-forwarded-for: ${address}`]);
    // Users who press twice are spread evenly over all users.
    const isTwice = Math.floor((number + 1) * twice) > Math.floor(number * twice);
    return { sku, request: request(), ...(isTwice && { again: request() }) };
  });
}

class Slice {
  readonly #place: Place;
  readonly #histogram = buildHistogram({ highestTrackableValue: LATENCY_MAX_MICROSECONDS });
  readonly #verdicts: Record<string, Record<string, number>> = {};
  #next = 0;
  #presses = 0;
  #unanswered = 0;

  constructor(place: Place) {
    this.#place = place;
  }

  async play(connections: number): Promise<Pressed> {
    const cpuBefore = process.cpuUsage();
    const startedAtMs = performance.now();
    await Promise.all(Array.from({ length: connections }, () => this.#pressOnAndOn()));
    const seconds = (performance.now() - startedAtMs) / 1_000;
    const cpu = process.cpuUsage(cpuBefore);
    const percentile = (share: number) => this.#histogram.getValueAtPercentile(share) / 1_000;
    return {
      presses: this.#presses,
      unanswered: this.#unanswered,
      verdicts: this.#verdicts,
      seconds,
      cpuSeconds: (cpu.user + cpu.system) / 1_000_000,
      latencyMs: { p50: percentile(50), p95: percentile(95), p99: percentile(99) },
    };
  }

  /** Sends on one connection: the next user presses when the last press was answered. */
  async #pressOnAndOn(): Promise<void> {
    while (this.#next < prepared.length) {
      const { promise: isOver, resolve } = Promise.withResolvers<void>();
      const { host, port } = this.#place;
      // The server cannot be reached: this press counts as unanswered, and the next one is tried.
      const line = await Line.open(host, port, () => resolve()).catch(() => undefined);
      if (line) this.#pressOn(line, resolve);
      else {
        this.#next += 1;
        this.#presses += 1;
        this.#unanswered += 1;
        continue;
      }
      await isOver;
      line.end();
    }
  }

  #pressOn(line: Line, end: () => void): void {
    const user = prepared[this.#next++];
    if (user === undefined) {
      end();
      return;
    }
    const { sku, request, again } = user;
    const second = again && (() => this.#press(line, sku, again, () => this.#pressOn(line, end)));
    this.#press(line, sku, request, second ?? (() => this.#pressOn(line, end)));
  }

  #press(line: Line, sku: string, request: Buffer, next: () => void): void {
    this.#presses += 1;
    this.#unanswered += 1;
    const pressedAtMs = performance.now();
    line.ask(request, (status, body) => {
      this.#unanswered -= 1;
      this.#histogram.recordValue(Math.round((performance.now() - pressedAtMs) * 1_000));
      const verdict = status === '202' ? 'queued' : verdictOf(body, status);
      this.#verdicts[sku] ??= {};
      const ofSku = this.#verdicts[sku];
      ofSku[verdict] = (ofSku[verdict] ?? 0) + 1;
      next();
    });
  }
}

function verdictOf(body: string, status: string): string {
  return /"verdict":"(\w+)"/.exec(body)?.[1] ?? `http_${status}`;
}

process.on('message', async (order: Order) => {
  if (order.crowd) crowd = order.crowd;
  if (order.prepare && crowd) prepare(order.prepare, crowd);
  const slice = order.press && new Slice(order.press).play(crowd?.connections ?? 1);
  const lateMs = ANSWER_TIMEOUT_MS + prepared.length;
  const timer = setTimeout(() => process.exit(1), lateMs);
  process.send?.((await slice) ?? {});
  clearTimeout(timer);
});
process.on('SIGINT', () => {});
