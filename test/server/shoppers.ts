import {
  type RequestStatus,
  type StatusQuestion,
  StatusWait,
} from '../../server/requests/status-wait.ts';
import type { StatusWaits } from '../../server/requests/status-waits.ts';

/** A shopper who waits for a status and records the answer. */
class Shopper extends StatusWait {
  readonly #told = Promise.withResolvers<RequestStatus | undefined>();
  isTold = false;

  get told(): Promise<RequestStatus | undefined> {
    return this.#told.promise;
  }

  tell(status: RequestStatus | undefined): false {
    this.isTold = true;
    this.#told.resolve(status);
    return false;
  }

  fail(error: unknown): void {
    this.isTold = true;
    this.#told.reject(error);
  }
}

export function wait(waits: StatusWaits, question: StatusQuestion, waitMs: number): Shopper {
  const shopper = new Shopper(question, waitMs, 0);
  waits.begin(shopper);
  return shopper;
}

export function ask(
  waits: StatusWaits,
  question: StatusQuestion,
): Promise<RequestStatus | undefined> {
  return wait(waits, question, 0).told;
}
