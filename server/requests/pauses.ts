/**
 * Timers for waits, of which one process has tens of thousands, so each must take only a few bytes.
 * One timer therefore serves all: a timer wheel with one slot for each tick.
 */

const TICK_MS = 100;
/** Longer pauses end early; the caller checks the clock anyway. */
const SLOTS = 512;

export class Pauses<Sleeper> {
  readonly #slots = Array.from({ length: SLOTS }, () => new Set<Sleeper>());
  readonly #wake: (sleeper: Sleeper) => void;
  #at = 0;

  /** @param wake called when the pause of an item is over and the item has left the wheel */
  constructor(wake: (sleeper: Sleeper) => void) {
    this.#wake = wake;
    setInterval(() => this.#turn(), TICK_MS).unref();
  }

  /** Wakes the item after `delayMs`, to within a tick. Returns its slot, which `end` needs. */
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
    // An item that pauses again gets another slot, because a pause takes at least a tick.
    for (const sleeper of slot) {
      slot.delete(sleeper);
      this.#wake(sleeper);
    }
  }
}
