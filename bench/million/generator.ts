import { randomUUID } from 'node:crypto';
import { build as buildHistogram } from 'hdr-histogram-js';
import { Client } from 'undici';
import { createGuestSigner } from '../../server/gate/identity.ts';
import { issueTicket } from '../../server/gate/ticket.ts';

/**
 * The crowd: a process of its own that presses for a million users. It signs their tickets and
 * identities itself with the shop's keys, so that what is measured is the purchase request and not
 * the way to it; it says in the report how much of the machine it took.
 */

export interface Crowd {
  readonly shopUrl: string;
  readonly jwtSecret: string;
  /** Base64. */
  readonly ticketKey: string;
  readonly sale: string;
  readonly skus: readonly string[];
  readonly users: number;
  /** Share of users who press a second time, right after their first answer. */
  readonly twice: number;
  readonly connections: number;
  /** The crowd gives up after this long. */
  readonly secondsMax: number;
}

export interface CrowdReport {
  /** Users who pressed at least once. */
  readonly users: number;
  readonly presses: number;
  /** Presses that never got an answer: cut connections, time-outs. */
  readonly unanswered: number;
  readonly byVerdict: Readonly<Record<string, number>>;
  readonly takenBySku: Readonly<Record<string, number>>;
  readonly wallSeconds: number;
  /** Milliseconds from the press to the whole answer. */
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number };
  readonly cpuSeconds: number;
}

export interface CrowdProgress {
  readonly pressed: number;
}

const PROGRESS_INTERVAL_MS = 500;
const ANSWER_TIMEOUT_MS = 30_000;
/** Longer than the crowd may last: a ticket must not run out between signing and pressing. */
const TICKET_TTL_MS = 60_000;
const LATENCY_MAX_MICROSECONDS = 60_000_000;

interface User {
  readonly sku: string;
  readonly userId: string;
  readonly authorization: string;
  readonly address: string;
}

class Generator {
  readonly #crowd: Crowd;
  readonly #key: Buffer;
  readonly #signGuest: (userId: string) => string;
  readonly #histogram = buildHistogram({ highestTrackableValue: LATENCY_MAX_MICROSECONDS });
  readonly #byVerdict: Record<string, number> = {};
  readonly #takenBySku: Record<string, number> = {};
  readonly #run = randomUUID().slice(0, 8);
  readonly #deadlineMs: number;
  #nextUser = 0;
  #pressed = 0;
  #unanswered = 0;

  constructor(crowd: Crowd) {
    this.#crowd = crowd;
    this.#key = Buffer.from(crowd.ticketKey, 'base64');
    this.#signGuest = createGuestSigner(crowd.jwtSecret);
    this.#deadlineMs = performance.now() + crowd.secondsMax * 1_000;
  }

  async run(onProgress: (progress: CrowdProgress) => void): Promise<CrowdReport> {
    const timer = setInterval(() => onProgress({ pressed: this.#pressed }), PROGRESS_INTERVAL_MS);
    const startedAtMs = performance.now();
    const cpuBefore = process.cpuUsage();
    const clients = Array.from({ length: this.#crowd.connections }, () => this.#client());
    await Promise.all(clients.map((client) => this.#pressOnAndOn(client)));
    const wallSeconds = (performance.now() - startedAtMs) / 1_000;
    const cpu = process.cpuUsage(cpuBefore);
    clearInterval(timer);
    await Promise.all(clients.map((client) => client.destroy()));
    const percentile = (share: number) => this.#histogram.getValueAtPercentile(share) / 1_000;
    return {
      users: this.#nextUser,
      presses: this.#pressed,
      unanswered: this.#unanswered,
      byVerdict: this.#byVerdict,
      takenBySku: this.#takenBySku,
      wallSeconds,
      latencyMs: { p50: percentile(50), p95: percentile(95), p99: percentile(99) },
      cpuSeconds: (cpu.user + cpu.system) / 1_000_000,
    };
  }

  #client(): Client {
    return new Client(this.#crowd.shopUrl, {
      headersTimeout: ANSWER_TIMEOUT_MS,
      bodyTimeout: ANSWER_TIMEOUT_MS,
    });
  }

  /** One connection: the next user presses when the last one was answered. */
  async #pressOnAndOn(client: Client): Promise<void> {
    while (this.#nextUser < this.#crowd.users && performance.now() < this.#deadlineMs) {
      const number = this.#nextUser++;
      const user = this.#user(number);
      await this.#press(client, user);
      // Spread evenly over all users, whatever the share.
      const { twice } = this.#crowd;
      if (Math.floor((number + 1) * twice) > Math.floor(number * twice)) {
        await this.#press(client, user);
      }
    }
  }

  #user(number: number): User {
    const { skus } = this.#crowd;
    const userId = `crowd-${this.#run}-${number}`;
    return {
      userId,
      sku: skus[number % skus.length] as string,
      authorization: `Bearer ${this.#signGuest(userId)}`,
      address: `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`,
    };
  }

  async #press(client: Client, user: User): Promise<void> {
    const { sale } = this.#crowd;
    const owner = { sale, userId: user.userId };
    const ticket = issueTicket(this.#key, owner, user.sku, Date.now() + TICKET_TTL_MS);
    const startedAtMs = performance.now();
    const verdict = await answerOf(client, {
      path: `/api/v1/buy/${ticket}`,
      headers: {
        authorization: user.authorization,
        'content-type': 'application/json',
        'x-forwarded-for': user.address,
      },
    });
    this.#pressed += 1;
    if (verdict === undefined) {
      this.#unanswered += 1;
      return;
    }
    this.#histogram.recordValue(Math.round((performance.now() - startedAtMs) * 1_000));
    this.#byVerdict[verdict] = (this.#byVerdict[verdict] ?? 0) + 1;
    if (verdict === 'queued') this.#takenBySku[user.sku] = (this.#takenBySku[user.sku] ?? 0) + 1;
  }
}

/** `queued`, or the verdict of the refusal; undefined when there was no answer. */
function answerOf(
  client: Client,
  request: { path: string; headers: Record<string, string> },
): Promise<string | undefined> {
  return new Promise((resolve) => {
    let status = 0;
    let body = '';
    client.dispatch(
      { ...request, method: 'POST', body: '{"quantity":1}' },
      {
        onRequestStart() {},
        onResponseStart(_controller, statusCode) {
          status = statusCode;
        },
        onResponseData(_controller, chunk) {
          body += chunk.toString('latin1');
        },
        onResponseEnd() {
          resolve(status === 202 ? 'queued' : verdictOf(body, status));
        },
        onResponseError() {
          resolve(undefined);
        },
      },
    );
  });
}

function verdictOf(body: string, status: number): string {
  return /"verdict":"(\w+)"/.exec(body)?.[1] ?? `http_${status}`;
}

process.once('message', async (crowd: Crowd) => {
  const tell = (message: object) => process.send?.(message);
  tell({ report: await new Generator(crowd).run((progress) => tell({ progress })) });
  process.disconnect?.();
});
