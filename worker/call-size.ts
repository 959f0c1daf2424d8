/** A call that takes less than a fifth of the statement timeout ends in time with twice as many requests. */
const SOON_SECONDS = 1;

/**
 * How many requests of a SKU one call may have: half of those that took too long, and more again when
 * calls end soon.
 */
export class CallSizes {
  /** Only of SKUs that had a call which took too long. */
  readonly #sizes = new Map<string, number>();

  of(sku: string): number {
    return this.#sizes.get(sku) ?? Number.POSITIVE_INFINITY;
  }

  tookTooLong(sku: string, requests: number): void {
    this.#sizes.set(sku, Math.min(this.of(sku), Math.ceil(requests / 2)));
  }

  ended(sku: string, requests: number, seconds: number): void {
    const size = this.#sizes.get(sku);
    if (size === undefined || requests < size || seconds > SOON_SECONDS) return;
    this.#sizes.set(sku, 2 * size);
  }
}
