import { createHash } from 'node:crypto';

/** One rendering serves all requests within this time, unless something has changed. */
const RENDER_TTL_MS = 100;

export interface Rendering {
  readonly body: string;
  readonly etag: string;
  readonly madeAtMs: number;
  readonly asOf: number;
}

/** Answers that are rendered at most ten times a second, however many clients ask. */
export class Renderings {
  readonly #made = new Map<string, Rendering>();

  /**
   * The ETag does not cover the clock: without other changes, a 304 and its Date header are enough.
   *
   * @param asOf a number that grows with each change of the facts: whoever has waited until this
   *   process knows a change must see it in the next answer
   */
  get(key: string, asOf: number, read: () => { facts: object; clock?: object }): Rendering {
    const known = this.#made.get(key);
    const madeAtMs = performance.now();
    if (known?.asOf === asOf && madeAtMs - known.madeAtMs < RENDER_TTL_MS) return known;
    const { facts, clock } = read();
    const body = JSON.stringify({ ...facts, ...clock });
    const hash = createHash('sha1').update(JSON.stringify(facts)).digest('base64url');
    const etag = `W/"${hash}"`;
    const rendering = { body, etag, madeAtMs, asOf };
    this.#made.set(key, rendering);
    return rendering;
  }

  keepOnly(isKept: (key: string) => boolean): void {
    for (const key of this.#made.keys()) if (!isKept(key)) this.#made.delete(key);
  }
}
