import { LRUCache } from 'lru-cache';
import { availabilityOf, type SaleState, saleJson, skuJson } from '../contracts/sale-json.ts';
import { countUnits, unitsJson } from '../contracts/seats.ts';
import { type DesiredSale, timeOf } from '../ops/sale/desired.ts';

/** Sales that people look at before they put them on. A draft belongs to one session. */

export const PHASES = ['before', 'open', 'after'] as const;
export type Phase = (typeof PHASES)[number];

/** Of all drafts together, in characters of their files. */
const DRAFTS_LENGTH_MAX = 20_000_000;
/** The preview before the opening begins so long before it. */
const BEFORE_OPENING_MS = 10 * 60_000;
/** That of the open sale begins so long after it, or in the middle of a shorter sale. */
const AFTER_OPENING_MS = 10 * 60_000;
const AFTER_CLOSING_MS = 60_000;

export interface Draft {
  readonly desired: DesiredSale;
  readonly madeAtMs: number;
  /** When the page of each phase was loaded: its clock runs from then. */
  readonly loadedAtMs: Map<Phase, number>;
}

export class Drafts {
  readonly #drafts: LRUCache<string, Draft>;

  /** @param lifeMs the life of a session */
  constructor(lifeMs: number) {
    this.#drafts = new LRUCache({ maxSize: DRAFTS_LENGTH_MAX, ttl: lifeMs });
  }

  /** @param length characters of its file */
  keep(session: string, desired: DesiredSale, length: number): void {
    const draft = { desired, madeAtMs: Date.now(), loadedAtMs: new Map<Phase, number>() };
    this.#drafts.set(`${session} ${desired.sale}`, draft, { size: length });
  }

  find(session: string, sale: string): Draft | undefined {
    return this.#drafts.get(`${session} ${sale}`);
  }
}

function timesOf({ desired, madeAtMs, loadedAtMs }: Draft, phase: Phase, nowMs: number) {
  const made = new Date(madeAtMs);
  const [opensAt, closesAt] = [timeOf(desired.opens, made), timeOf(desired.closes, made)];
  const atMs = beginsAtMs(phase, opensAt.getTime(), closesAt.getTime());
  const serverTime = new Date(atMs + nowMs - (loadedAtMs.get(phase) ?? nowMs));
  return { opensAt, closesAt, serverTime };
}

/** The section of a SKU, all of it free; undefined if the draft has none of this name. */
export function draftUnitsJson(draft: Draft, sku: string, phase: Phase, nowMs: number) {
  const section = draft.desired.skus.find((one) => one.sku === sku)?.section;
  if (!section) return undefined;
  const { serverTime } = timesOf(draft, phase, nowMs);
  const map = '1'.repeat(countUnits(section.seats));
  return unitsJson(sku, section, map, serverTime.toISOString());
}

/** The sale as the API would have it in this phase, by a clock that runs. */
export function draftJson(draft: Draft, phase: Phase, nowMs: number) {
  const { desired } = draft;
  const { opensAt, closesAt, serverTime } = timesOf(draft, phase, nowMs);
  const { sale, title, presentation = {}, launch = 'random' } = desired;
  const state: SaleState =
    serverTime < opensAt ? 'scheduled' : serverTime < closesAt ? 'open' : 'closed';
  return {
    ...saleJson({ sale, title, opensAt, closesAt, isCalledOff: false }, [state]),
    presentation,
    keep: 1,
    shed: launch,
    skus: desired.skus.map(({ presentation: of = {}, quota, ...sku }) => {
      const left = Math.min(sku.units, quota ?? sku.units);
      const numbered = Boolean(sku.section);
      return skuJson(
        { ...sku, numbered, presentation: of },
        availabilityOf(left, sku.units),
        state,
      );
    }),
    serverTime: serverTime.toISOString(),
  };
}

function beginsAtMs(phase: Phase, opensMs: number, closesMs: number): number {
  if (phase === 'before') return opensMs - BEFORE_OPENING_MS;
  if (phase === 'open') return opensMs + Math.min(AFTER_OPENING_MS, (closesMs - opensMs) / 2);
  return closesMs + AFTER_CLOSING_MS;
}
