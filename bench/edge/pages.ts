import { createClock } from '../../server/public/js/clock.js';
import { watchSale } from '../../server/public/js/sale-watch.js';

/**
 * Open pages in simulated time: each runs the page's own code (`watchSale`), which asks a shop that is
 * simulated as well. Time moves to the next timer as soon as no page has anything to do.
 */

const SALE_MS = 3_600_000;
const ROUND_TRIP_MS = 40;
/** Pages of which none asks within this time may be simulated in one step. */
const STEP_MS = 10;

interface Timer {
  readonly atMs: number;
  readonly run: () => void;
}

/** Looks by second, counted from the opening. */
export type Looks = Map<number, number>;

export async function simulatePages(options: {
  readonly pages: number;
  /** All pages have been opened within this time before the opening, evenly. */
  readonly arriveMs: number;
  readonly afterMs: number;
  /** No look is answered between these times, counted from the opening. */
  readonly outagesMs?: readonly (readonly [from: number, to: number])[];
}): Promise<Looks> {
  const { pages, arriveMs, afterMs, outagesMs = [] } = options;
  const startMs = Date.parse('2030-01-01T12:00:00Z');
  const opensAtMs = startMs + arriveMs;
  const looks: Looks = new Map();
  const slots = new Map<number, Timer[]>();
  let nowMs = 0;
  const at = (atMs: number, run: () => void) => {
    const slot = Math.ceil(Math.max(atMs, nowMs + 0.001) / STEP_MS);
    slots.set(slot, [...(slots.get(slot) ?? []), { atMs, run }]);
  };
  const sale = () => ({
    sale: 'demo',
    state: startMs + nowMs < opensAtMs ? 'scheduled' : 'open',
    opensAt: new Date(opensAtMs).toISOString(),
    closesAt: new Date(opensAtMs + SALE_MS).toISOString(),
    skus: [],
  });
  const replaced = {
    document: { hidden: false, documentElement: { dataset: {} } },
    setTimeout: (run: () => void, ms = 0) => at(nowMs + ms, run),
    clearTimeout: () => {},
    fetch: (_url: string, { headers }: { headers: Headers }) =>
      new Promise((resolve, reject) => {
        const second = Math.floor((nowMs - arriveMs) / 1_000);
        looks.set(second, (looks.get(second) ?? 0) + 1);
        const fromOpeningMs = nowMs - arriveMs;
        if (outagesMs.some(([from, to]) => fromOpeningMs >= from && fromOpeningMs < to)) {
          return at(nowMs + ROUND_TRIP_MS, () => reject(new TypeError('no answer')));
        }
        const body = sale();
        const etag = `"${body.state}"`;
        const isSame = headers.get('if-none-match') === etag;
        const head = new Headers({ etag, 'x-shop-time': String(startMs + nowMs) });
        const status = isSame ? 304 : 200;
        at(nowMs + ROUND_TRIP_MS, () =>
          resolve({ status, ok: !isSame, headers: head, json: async () => body }),
        );
      }),
  };
  const { setTimeout, clearTimeout, fetch } = globalThis;
  const ownNow = performance.now;
  const ownDate = Date.now;
  const ownTimeout = AbortSignal.timeout;
  const never = new AbortController().signal;
  Object.assign(globalThis, replaced);
  performance.now = () => nowMs;
  Date.now = () => startMs + nowMs;
  AbortSignal.timeout = () => never;
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  try {
    const watch = () => {
      const nothing = { onSale() {}, onMissing() {}, onAnswer() {} };
      void watchSale('demo', createClock(), nothing).start();
    };
    for (let page = 0; page < pages; page += 1) at((arriveMs * page) / pages, watch);
    const last = Math.ceil((arriveMs + afterMs) / STEP_MS);
    for (let slot = 0; slot <= last; slot += 1) {
      const due = slots.get(slot);
      if (due === undefined) continue;
      slots.delete(slot);
      nowMs = slot * STEP_MS;
      for (const { run } of due) run();
      await settled();
    }
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout, fetch, document: undefined });
    performance.now = ownNow;
    Date.now = ownDate;
    AbortSignal.timeout = ownTimeout;
  }
  return looks;
}
