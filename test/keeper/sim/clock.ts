/**
 * Virtual time: one event at a time, in the order of its time, and between two events every promise
 * of the code under test runs to its end. The real timers of Node.js are replaced while it runs, so
 * that the processes simulated here are the very classes that run in production.
 */

interface Event {
  readonly at: number;
  readonly order: number;
  readonly process: SimProcess | undefined;
  readonly isTimer: boolean;
  action: (() => void) | undefined;
}

/** Something that can be stopped, continued and killed; what happens to it while it is stopped waits. */
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

/** More without time going on is a loop. */
const EVENTS_AT_ONCE_MAX = 20_000;

export class Clock {
  now = 0;
  events = 0;
  /** Something outside of the processes has changed that is looked at after this event. */
  isChanged = false;
  #heap: Event[] = [];
  #order = 0;
  #current: SimProcess | undefined;

  /** Runs `action` after `delayMs`; when a process is named, as something that happens to it. */
  after(delayMs: number, action: () => void, process?: SimProcess, isTimer = false): Event {
    return this.at(this.now + Math.max(0, delayMs), action, process, isTimer);
  }

  /** The same at a moment: what follows each other at one moment stays in order. */
  at(at: number, action: () => void, process?: SimProcess, isTimer = false): Event {
    const event: Event = { at, order: this.#order++, process, isTimer, action };
    this.#push(event);
    return event;
  }

  stop(process: SimProcess): void {
    if (process.state === 'running') process.state = 'stopped';
  }

  /** What waited happens now: timers first, as in an event loop that was stopped. */
  continue(process: SimProcess): void {
    if (process.state !== 'stopped') return;
    process.state = 'running';
    const held = process.held.splice(0);
    for (const isTimer of [true, false]) {
      for (const event of held) {
        if (event.isTimer !== isTimer || !event.action) continue;
        const again = this.after(0, event.action, process, isTimer);
        // Its owner may still cancel it by the event that it knows.
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

  /** Runs events until `afterEach` says so after one of them, or `untilMs` has come. */
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
      if (atOnce > EVENTS_AT_ONCE_MAX) throw new Error(`time stands still at ${this.now} ms`);
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

  /** Puts virtual timers in the place of the real ones; returns what undoes it. */
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
