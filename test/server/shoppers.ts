import type { StatusDesk } from '../../server/requests/status.ts';
import { type RequestStatus, type StatusQuestion, Waiter } from '../../server/requests/waiter.ts';

/** A shopper who waits, and remembers what it was told. */
class Shopper extends Waiter {
  readonly #told = Promise.withResolvers<RequestStatus | undefined>();
  isTold = false;

  get told(): Promise<RequestStatus | undefined> {
    return this.#told.promise;
  }

  tell(status: RequestStatus | undefined): void {
    this.isTold = true;
    this.#told.resolve(status);
  }

  fail(error: unknown): void {
    this.isTold = true;
    this.#told.reject(error);
  }
}

export function wait(desk: StatusDesk, question: StatusQuestion, waitMs: number): Shopper {
  const shopper = new Shopper(desk, question, waitMs, 0);
  desk.wait(shopper);
  return shopper;
}

export function ask(
  desk: StatusDesk,
  question: StatusQuestion,
): Promise<RequestStatus | undefined> {
  return wait(desk, question, 0).told;
}
