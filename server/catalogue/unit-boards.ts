import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { type Section, type UnitFinder, unitFinder, unitsJson } from '../../contracts/seats.ts';
import type { SkuOnSale } from './catalogue.ts';

/**
 * Which units of sections are free, from memory. A section never changes, so it is read once. Which units are free is
 * read once a second at most, and only while somebody asks. If the database does not answer, the last answer is shown
 * with its time.
 */

const FREE_TTL_MS = 1_000;
/** Somebody who asks does not wait longer than this, if there is an older answer. */
const WAIT_MS = 500;
/** A board that is older than this is shown with its time, also to who has it already. */
const STALE_MS = 5_000;
/** The largest section has some megabytes. */
const BOARDS_MAX = 200;

export interface UnitSource {
  /** Undefined: the SKU has no section. */
  section(row: SkuOnSale): Promise<Section | undefined>;
  /** A character for each unit, `1` if it is free; undefined: the SKU has no section. */
  map(row: SkuOnSale): Promise<string | undefined>;
}

export interface BoardAnswer {
  readonly body: string;
  readonly etag: string;
}

/** Made once for all who ask. */
interface Free {
  readonly body: string;
  /** Of what is free, whenever that was. */
  readonly etag: string;
  /** Of what was free at this time. */
  readonly staleEtag: string;
  /** performance.now() when it was asked for. */
  readonly askedAtMs: number;
}

interface Board {
  readonly section: Section;
  readonly find: UnitFinder;
  free?: Free;
  reading?: Promise<Free | undefined> | undefined;
}

export class UnitBoards {
  readonly #source: UnitSource;
  readonly #nowMs: () => number;
  readonly #boards = new LRUCache<string, Promise<Board | undefined>>({ max: BOARDS_MAX });

  /** @param nowMs by the database's clock */
  constructor(source: UnitSource, nowMs: () => number) {
    this.#source = source;
    this.#nowMs = nowMs;
  }

  /** @throws {DatabaseError} the section is not known, and the home of the SKU did not answer */
  async finderOf(row: SkuOnSale): Promise<UnitFinder | undefined> {
    return (await this.#board(row))?.find;
  }

  /**
   * Returns the section and its free units as JSON; undefined if the SKU has none.
   * @throws {DatabaseError} nothing is known, and the home of the SKU did not answer
   */
  async render(row: SkuOnSale): Promise<BoardAnswer | undefined> {
    const board = await this.#board(row);
    const free = board && (await this.#freeOf(board, row));
    if (board === undefined || free === undefined) return undefined;
    const isStale = performance.now() - free.askedAtMs > STALE_MS;
    return { body: free.body, etag: isStale ? free.staleEtag : free.etag };
  }

  #board(row: SkuOnSale): Promise<Board | undefined> {
    // A sale that was removed may be put on again, with other seats and the same hours.
    const key = `${row.sale} ${row.sku} ${row.sectionMadeAt?.getTime()}`;
    const known = this.#boards.get(key);
    if (known !== undefined) return known;
    const board = this.#source.section(row).then((section) => {
      return section && { section, find: unitFinder(section.seats) };
    });
    this.#boards.set(key, board);
    // A failure is not remembered, and neither is that there is none: the SKU may be made after a moment.
    const forget = () => this.#boards.delete(key);
    board.then((found) => found === undefined && forget(), forget);
    return board;
  }

  async #freeOf(board: Board, row: SkuOnSale): Promise<Free | undefined> {
    const { free } = board;
    if (free !== undefined && performance.now() - free.askedAtMs < FREE_TTL_MS) return free;
    board.reading ??= this.#read(board, row).finally(() => {
      board.reading = undefined;
    });
    if (free === undefined) return board.reading;
    const late = Promise.withResolvers<Free>();
    const timer = setTimeout(() => late.resolve(free), WAIT_MS);
    try {
      return await Promise.race([board.reading.catch(() => free), late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #read(board: Board, row: SkuOnSale): Promise<Free | undefined> {
    const askedAtMs = performance.now();
    const asOf = new Date(this.#nowMs()).toISOString();
    const map = await this.#source.map(row);
    if (map === undefined) return board.free;
    const facts = unitsJson(row.sku, board.section, map, asOf);
    const version = `${row.sectionMadeAt?.getTime()} ${facts.free}`;
    board.free = {
      body: JSON.stringify(facts),
      etag: etagOf(version),
      staleEtag: etagOf(`${version} ${asOf}`),
      askedAtMs,
    };
    return board.free;
  }
}

function etagOf(version: string): string {
  return `W/"${createHash('sha1').update(version).digest('base64url')}"`;
}
