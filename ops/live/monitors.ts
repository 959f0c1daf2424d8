import { lookup } from 'node:dns/promises';
import { Agent, get } from 'node:http';
import { addBuckets, type Buckets, percentilesOf } from './percentiles.ts';
import { Rates } from './rates.ts';
import type { LiveAnswers } from './view.ts';

/**
 * Asks the monitor ports of web nodes for the figures that only they have: answers by verdict and
 * latencies. A host name stands for all of its addresses, so one URL names every replica of a
 * service.
 */

/** Monitors that are asked in one look. Further ones take turns, so that a look stays cheap. */
const MONITORS_A_LOOK_MAX = 25;
const ANSWER_TIMEOUT_MS = 800;
const RESOLVE_INTERVAL_MS = 5_000;
/** After a longer pause, what was known before says nothing of the last looks. */
const PAUSE_MAX_MS = 5_000;
/** Percentiles are those of the answers of the last looks. */
const WINDOW_LOOKS = 10;

const ANSWERS = 'flashsale_purchase_answers_total';
const TAKEN = 'flashsale_publish_seconds';
const DECIDED = 'flashsale_request_outcome_seconds';
const QUERY = `name=${ANSWERS}&name=${TAKEN}&name=${DECIDED}`;

interface Sample {
  readonly verdicts: ReadonlyMap<string, number>;
  readonly taken: Buckets;
  readonly decided: Buckets;
}

/** What one monitor answered last, with the growth per second since the answer before. */
interface Known {
  readonly rates: Rates;
  perSecond: Map<string, number>;
  isAnswering: boolean;
}

/** Parses the lines of the metrics that are asked for. */
function parseSample(text: string): Sample {
  const verdicts = new Map<string, number>();
  const taken = new Map<number, number>();
  const decided = new Map<number, number>();
  for (const [, name, labels = '', value] of text.matchAll(/^(\w+)\{([^}]*)\} (\S+)/gm)) {
    if (name === ANSWERS) {
      const verdict = /verdict="([^"]*)"/.exec(labels)?.[1];
      if (verdict !== undefined) verdicts.set(verdict, Number(value));
      continue;
    }
    const bound = /le="([^"]*)"/.exec(labels)?.[1];
    if (bound === undefined) continue;
    const seconds = bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound);
    if (name === `${TAKEN}_bucket`) taken.set(seconds, Number(value));
    if (name === `${DECIDED}_bucket`) decided.set(seconds, Number(value));
  }
  return { verdicts, taken, decided };
}

export class Monitors {
  #urls: readonly URL[];
  #targets: string[] = [];
  #resolvedAtMs = Number.NEGATIVE_INFINITY;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #next = 0;
  #known = new Map<string, Known>();
  #taken: Buckets[] = [];
  #decided: Buckets[] = [];
  #agent = new Agent({ keepAlive: true });

  /** @param urls base URLs of monitor ports, such as http://web:9100 */
  constructor(urls: readonly string[]) {
    this.#urls = urls.map((url) => new URL(url));
  }

  /** Never rejects: a monitor that does not answer is counted. Null without any URL. */
  async look(atMs = performance.now()): Promise<LiveAnswers | null> {
    if (this.#urls.length === 0) return null;
    if (atMs > this.#lookedAtMs + PAUSE_MAX_MS) this.#forget();
    this.#lookedAtMs = atMs;
    await this.#resolve();
    const turn = this.#turn();
    const samples = await Promise.all(turn.map((target) => this.#ask(target)));
    this.#taken = [...this.#taken, merged(samples.map(({ taken }) => taken))].slice(-WINDOW_LOOKS);
    this.#decided = [...this.#decided, merged(samples.map(({ decided }) => decided))].slice(
      -WINDOW_LOOKS,
    );
    const perSecond: Record<string, number> = {};
    for (const { perSecond: own } of this.#known.values()) {
      for (const [verdict, rate] of own) perSecond[verdict] = (perSecond[verdict] ?? 0) + rate;
    }
    const answering = [...this.#known.values()].filter(({ isAnswering }) => isAnswering);
    return {
      monitors: this.#targets.length,
      monitorsAnswering: answering.length,
      perSecond,
      taken: percentilesOf(merged(this.#taken)),
      decided: percentilesOf(merged(this.#decided)),
    };
  }

  #forget(): void {
    this.#known.clear();
    this.#taken = [];
    this.#decided = [];
  }

  async #resolve(): Promise<void> {
    if (performance.now() < this.#resolvedAtMs + RESOLVE_INTERVAL_MS) return;
    this.#resolvedAtMs = performance.now();
    const found = await Promise.all(this.#urls.map((url) => addressesOfMonitor(url)));
    this.#targets = [...new Set(found.flat())];
    for (const target of this.#known.keys()) {
      if (!this.#targets.includes(target)) this.#known.delete(target);
    }
  }

  #turn(): string[] {
    const count = Math.min(MONITORS_A_LOOK_MAX, this.#targets.length);
    const turn = Array.from({ length: count }, (_, index) => {
      return this.#targets[(this.#next + index) % this.#targets.length] ?? '';
    });
    this.#next = (this.#next + count) % Math.max(1, this.#targets.length);
    return turn;
  }

  /** A plain call takes a fifth of the CPU of `fetch`. @throws {Error} without an answer in time */
  #get(target: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const options = { agent: this.#agent, timeout: ANSWER_TIMEOUT_MS };
      const request = get(`${target}/metrics?${QUERY}`, options, (response) => {
        if (response.statusCode !== 200) {
          response.resume();
          return reject(new Error(`${target} answered ${response.statusCode}`));
        }
        let text = '';
        response.setEncoding('latin1');
        response.on('data', (part) => {
          text += part;
        });
        response.on('end', () => resolve(text));
        response.on('error', reject);
      });
      request.on('timeout', () => request.destroy(new Error(`${target} did not answer`)));
      request.on('error', reject);
    });
  }

  /** Asks one monitor, and returns how much its histograms have grown. */
  async #ask(target: string): Promise<{ taken: Buckets; decided: Buckets }> {
    const known = this.#known.get(target) ?? {
      rates: new Rates(),
      perSecond: new Map(),
      isAnswering: false,
    };
    this.#known.set(target, known);
    try {
      const { verdicts, taken, decided } = parseSample(await this.#get(target));
      const { rates } = known;
      rates.look(performance.now());
      known.perSecond = new Map(
        [...verdicts].map(([verdict, count]) => [verdict, rates.perSecond(verdict, count)]),
      );
      known.isAnswering = true;
      const grown = (name: string, buckets: Buckets) =>
        new Map(
          [...buckets].map(([bound, count]) => [bound, rates.growth(`${name} ${bound}`, count)]),
        );
      return { taken: grown(TAKEN, taken), decided: grown(DECIDED, decided) };
    } catch {
      known.isAnswering = false;
      known.perSecond = new Map();
      return { taken: new Map(), decided: new Map() };
    }
  }
}

/** The URLs of all addresses of the host; the URL itself while its name cannot be resolved. */
export async function addressesOfMonitor(url: URL): Promise<string[]> {
  try {
    const found = await lookup(url.hostname.replace(/^\[|\]$/g, ''), { all: true });
    return found.map(({ address, family }) => {
      const host = family === 6 ? `[${address}]` : address;
      return `${url.protocol}//${host}:${url.port || '80'}`;
    });
  } catch {
    return [url.origin];
  }
}

function merged(all: readonly Buckets[]): Buckets {
  return all.reduce(addBuckets, new Map());
}
