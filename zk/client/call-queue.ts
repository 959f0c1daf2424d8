import type { Failure, Result } from './result.ts';

/**
 * The calls of one connection. They are sent in order, a limited number at a time, and each has a deadline.
 *
 * The server answers in order. While it answers earlier calls, a later one waits on, however many they are: only a
 * server that answers nothing is silent.
 */

/**
 * Calls that may be under way; others wait here. A new connection reads every watched value, and with thousands
 * of SKUs the last of these calls would be late before it is sent.
 */
const UNDER_WAY_MAX = 500;

/** Sends a call, and passes its result on. */
export type Send = (end: (result: Result<unknown>) => void) => void;

export class CallQueue {
  readonly #underWay = new Set<(error: Failure) => void>();
  /** Calls that are not sent yet, in order. */
  readonly #waiting = new Set<() => void>();
  #answeredAtMs = 0;
  #isClosed = false;

  /** Notes that some call was answered. */
  answered(): void {
    this.#answeredAtMs = performance.now();
  }

  /** @param onSilent is called when no answer came within `timeoutMs` */
  call(send: Send, timeoutMs: number, onSilent: () => void): Promise<Result<unknown>> {
    return new Promise((resolve) => {
      const begin = () => resolve(this.#begin(send, timeoutMs, onSilent));
      if (this.#underWay.size < UNDER_WAY_MAX) begin();
      else this.#waiting.add(begin);
    });
  }

  #begin(send: Send, timeoutMs: number, onSilent: () => void): Promise<Result<unknown>> {
    return new Promise((resolve) => {
      if (this.#isClosed) return resolve({ ok: false, error: 'not_connected' });
      const end = (result: Result<unknown>) => {
        clearTimeout(timer);
        this.#underWay.delete(fail);
        resolve(result);
        this.#beginNext();
      };
      const fail = (error: Failure) => end({ ok: false, error });
      const look = () => {
        if (!this.#underWay.has(fail)) return;
        const leftMs = this.#answeredAtMs + timeoutMs - performance.now();
        if (leftMs > 0) {
          timer = setTimeout(setImmediate, leftMs, look);
          return;
        }
        fail('timed_out');
        onSilent();
      };
      // A process that was suspended runs its timers before it reads its sockets, so the look is taken after the
      // sockets were read.
      let timer = setTimeout(setImmediate, timeoutMs, look);
      this.#underWay.add(fail);
      try {
        send(end);
      } catch {
        // The client throws for a malformed path, which is a bug of the caller and not a lost connection.
        end({ ok: false, error: 'refused' });
      }
    });
  }

  #beginNext(): void {
    const [first] = this.#waiting;
    if (first === undefined) return;
    this.#waiting.delete(first);
    first();
  }

  /** Ends the calls under way with `connection_loss`, and all others with `not_connected`. */
  close(): void {
    this.#isClosed = true;
    for (const fail of this.#underWay) fail('connection_loss');
    for (const begin of this.#waiting) begin();
    this.#waiting.clear();
  }
}
