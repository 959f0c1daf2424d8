/**
 * Virtual time. Events run one at a time in the order of their times, and between two events every
 * promise of the code under test runs to its end. The timers of Node.js are replaced meanwhile, so
 * the simulated processes use the same classes as production.
 */

interface Event {
  readonly at: number;
  readonly order: number;
  readonly process: SimProcess | undefined;
  readonly isTimer: boolean;
  action: (() => void) | undefined;
}

/** A process that can be stopped, continued and killed. Events for a stopped process wait. */
export class SimProcess {
  readonly name: string;
  state: 'running' | 'stopped' | 'dead' = 'running';
  readonly held: Event[] = [];

  constructor(name: string) {
    this.name = name;
  }
}

const real = {
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
  setImmediate: globalThis.setImmediate,
  now: performance.now,
  random: Math.random,
};

/** More events at the same time are an endless loop. */
const EVENTS_AT_ONCE_MAX = 20_000;

export class Clock {
  now = 0;
  events = 0;
  /** State outside of the processes has changed and is checked after this event. */
  isChanged = false;
  #heap: Event[] = [];
  #order = 0;
  #current: SimProcess | undefined;

  /** Runs `action` after `delayMs`; when a process is given, as an event of that process. */
  after(delayMs: number, action: () => void, process?: SimProcess, isTimer = false): Event {
    return this.at(this.now + Math.max(0, delayMs), action, process, isTimer);
  }

  /** The same at a given time. Events of the same time keep their order. */
  at(at: number, action: () => void, process?: SimProcess, isTimer = false): Event {
    const event: Event = { at, order: this.#order++, process, isTimer, action };
    this.#push(event);
    return event;
  }

  stop(process: SimProcess): void {
    if (process.state === 'running') process.state = 'stopped';
  }

  /** Runs the events that waited: timers first, as in an event loop that was stopped. */
  continue(process: SimProcess): void {
    if (process.state !== 'stopped') return;
    process.state = 'running';
    const held = process.held.splice(0);
    for (const isTimer of [true, false]) {
      for (const event of held) {
        if (event.isTimer !== isTimer || !event.action) continue;
        const again = this.after(0, event.action, process, isTimer);
        // Its owner may still cancel it by the event that it holds.
        event.action = undefined;
        this.#moved.set(event, again);
      }
    }
  }
  #moved = new WeakMap<Event, Event>();

  kill(process: SimProcess): void {
    process.state = 'dead';
    process.held.length = 0;
  }

  cancel(event: Event): void {
    event.action = undefined;
    const moved = this.#moved.get(event);
    if (moved) this.cancel(moved);
  }

  /** Runs code of a process now, outside of any event: its start. */
  async as(process: SimProcess, action: () => void): Promise<void> {
    this.#current = process;
    action();
    await drained();
    this.#current = undefined;
  }

  /** Runs events until `afterEach` returns true after one of them, or until `untilMs`. */
  async run(
    untilMs: number,
    afterEach: (process: SimProcess | undefined) => boolean,
  ): Promise<void> {
    let atOnce = 0;
    for (;;) {
      const event = this.#pop(untilMs);
      if (!event) break;
      const { process, action } = event;
      if (!action || process?.state === 'dead') continue;
      atOnce = event.at > this.now ? 0 : atOnce + 1;
      if (atOnce > EVENTS_AT_ONCE_MAX)
        throw new Error(`time does not advance beyond ${this.now} ms`);
      this.now = event.at;
      if (process?.state === 'stopped') {
        process.held.push(event);
        continue;
      }
      event.action = undefined;
      this.events++;
      this.#current = process;
      action();
      if (process) await drained();
      this.#current = undefined;
      if ((process || this.isChanged) && afterEach(process)) return;
      this.isChanged = false;
    }
    this.now = untilMs;
  }

  /**
   * Replaces the real timers by virtual ones.
   *
   * @returns a function that restores them
   */
  install(random: () => number): () => void {
    const make =
      (repeat: boolean) =>
      (action: () => void, delayMs = 0) => {
        const process = this.#current;
        if (!process) return (repeat ? real.setInterval : real.setTimeout)(action, delayMs);
        const timer = {
          event: undefined as Event | undefined,
          unref: () => timer,
          ref: () => timer,
        };
        const fire = () => {
          if (repeat) timer.event = this.after(delayMs, fire, process, true);
          action();
        };
        timer.event = this.after(delayMs, fire, process, true);
        return timer;
      };
    const clear = (timer: unknown) => {
      const event = (timer as { event?: Event } | undefined)?.event;
      if (event) this.cancel(event);
      else real.clearTimeout(timer as NodeJS.Timeout);
    };
    Object.assign(globalThis, {
      setTimeout: make(false),
      setInterval: make(true),
      clearTimeout: clear,
      clearInterval: clear,
    });
    performance.now = () => this.now;
    Math.random = random;
    return () => {
      const { now, random: realRandom, setImmediate: _, ...timers } = real;
      Object.assign(globalThis, timers);
      performance.now = now;
      Math.random = realRandom;
    };
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(event);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as Event;
      if (isBefore(above, event)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = event;
  }

  #pop(untilMs: number): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    if (!first || first.at > untilMs) return undefined;
    const last = heap.pop() as Event;
    if (heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      const right = child + 1;
      if (right < heap.length && isBefore(heap[right] as Event, heap[child] as Event))
        child = right;
      if (isBefore(last, heap[child] as Event)) break;
      heap[index] = heap[child] as Event;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Immediates that are asked for at once: a turn of the event loop for each of them costs more than it. */
const IMMEDIATES_PER_TURN = 100;
let immediatesLeft = 0;
let resume: (() => void) | undefined;

/** Resolves when no promise has anything left to do: Node.js runs them all before the next immediate. */
function drained(): Promise<void> {
  return new Promise((resolve) => {
    resume = resolve;
    if (immediatesLeft > 0) return;
    immediatesLeft = IMMEDIATES_PER_TURN;
    for (let count = 0; count < IMMEDIATES_PER_TURN; count++) {
      real.setImmediate(() => {
        immediatesLeft--;
        resume?.();
        resume = undefined;
      });
    }
  });
}
