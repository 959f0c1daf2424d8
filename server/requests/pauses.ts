/**
 * Shoppers who wait, tens of thousands of them in one process: what each costs is counted in bytes.
 * So there is one timer for all (a wheel of slots, one a tick), and no closure and no AbortSignal for
 * each.
 */

const TICK_MS = 100;
/** Longer pauses end early; whoever paused looks at the clock anyway. */
const SLOTS = 512;

/** Whether a shopper is still there, and what to wake when not. */
export class Presence {
  #isGone = false;
  #pause: Pause | undefined;

  get isGone(): boolean {
    return this.#isGone;
  }

  leave(): void {
    this.#isGone = true;
    this.#pause?.wake();
  }

  /** What `leave` wakes from now on. */
  attend(pause: Pause | undefined): void {
    this.#pause = pause;
  }
}

/** One wait; ends once, by whoever is first: an outcome, the clock, or the shopper's leaving. */
export class Pause {
  readonly ended: Promise<void>;
  #end!: () => void;
  #slot: Set<Pause>;

  constructor(slot: Set<Pause>) {
    this.#slot = slot.add(this);
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  wake(): void {
    this.#slot.delete(this);
    this.#end();
  }
}

export class Pauses {
  readonly #slots = Array.from({ length: SLOTS }, () => new Set<Pause>());
  #at = 0;

  constructor() {
    setInterval(() => this.#turn(), TICK_MS).unref();
  }

  /** Ends by itself after `delayMs`, give or take a tick. */
  begin(delayMs: number): Pause {
    const ticks = Math.min(Math.ceil(delayMs / TICK_MS), SLOTS - 1);
    return new Pause(this.#slots[(this.#at + ticks) % SLOTS] as Set<Pause>);
  }

  endAll(): void {
    for (const slot of this.#slots) for (const pause of [...slot]) pause.wake();
  }

  #turn(): void {
    this.#at = (this.#at + 1) % SLOTS;
    for (const pause of [...(this.#slots[this.#at] as Set<Pause>)]) pause.wake();
  }
}
