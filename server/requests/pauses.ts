/**
 * Shoppers who wait, tens of thousands of them in one process: what each costs is counted in bytes.
 * So there is one timer for all: a wheel of slots, one a tick.
 */

const TICK_MS = 100;
/** Longer pauses end early; whoever paused looks at the clock anyway. */
const SLOTS = 512;

export class Pauses<Sleeper> {
  readonly #slots = Array.from({ length: SLOTS }, () => new Set<Sleeper>());
  readonly #wake: (sleeper: Sleeper) => void;
  #at = 0;

  /** @param wake called when a sleeper's time has come and it has left the wheel */
  constructor(wake: (sleeper: Sleeper) => void) {
    this.#wake = wake;
    setInterval(() => this.#turn(), TICK_MS).unref();
  }

  /** Wakes the sleeper after `delayMs`, give or take a tick. Returns its slot, for `end`. */
  begin(sleeper: Sleeper, delayMs: number): number {
    const ticks = Math.max(1, Math.min(Math.ceil(delayMs / TICK_MS), SLOTS - 1));
    const slot = (this.#at + ticks) % SLOTS;
    this.#slots[slot]?.add(sleeper);
    return slot;
  }

  end(sleeper: Sleeper, slot: number): void {
    this.#slots[slot]?.delete(sleeper);
  }

  endAll(): void {
    for (const slot of this.#slots) this.#wakeAll(slot);
  }

  #turn(): void {
    this.#at = (this.#at + 1) % SLOTS;
    this.#wakeAll(this.#slots[this.#at] as Set<Sleeper>);
  }

  #wakeAll(slot: Set<Sleeper>): void {
    // A sleeper that goes back to sleep takes another slot: a pause is at least a tick.
    for (const sleeper of slot) {
      slot.delete(sleeper);
      this.#wake(sleeper);
    }
  }
}
