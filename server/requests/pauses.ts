/**
 * Shoppers who wait, tens of thousands of them in one process: what each costs is counted in bytes.
 * So there is one timer for all: a wheel of slots, one a tick.
 */

const TICK_MS = 100;
/** Longer pauses end early; whoever paused looks at the clock anyway. */
const SLOTS = 512;

export interface Sleeper {
  /** Its time has come. It has left the wheel. */
  wake(): void;
}

export class Pauses {
  readonly #slots = Array.from({ length: SLOTS }, () => new Set<Sleeper>());
  #at = 0;

  constructor() {
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
    for (const slot of this.#slots) wakeAll(slot);
  }

  #turn(): void {
    this.#at = (this.#at + 1) % SLOTS;
    wakeAll(this.#slots[this.#at] as Set<Sleeper>);
  }
}

function wakeAll(slot: Set<Sleeper>): void {
  // Who goes back to sleep takes another slot: a pause is at least a tick.
  for (const sleeper of slot) {
    slot.delete(sleeper);
    sleeper.wake();
  }
}
