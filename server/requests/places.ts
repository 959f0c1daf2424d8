import { Problem } from '../http/problems.ts';

/**
 * Limits the number of waits for an answer in this process: in total and for each user. The limit
 * per user is low, so that it takes thousands of accounts to keep everybody else from waiting.
 */

/**
 * Answers that one user may wait for at once, for example for several products in several windows.
 */
export const USER_PLACES_MAX = 16;

export class Places {
  readonly #max: number;
  readonly #byUser = new Map<string, number>();
  #taken = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get taken(): number {
    return this.#taken;
  }

  /**
   * @throws {Problem} rate_limited, if the user has the maximum; overloaded, if all places are
   *   taken
   */
  take(userId: string): void {
    const own = this.#byUser.get(userId) ?? 0;
    if (own >= USER_PLACES_MAX) {
      const detail = `You wait for ${own} answers already, as many as one may. Wait for one of them.`;
      throw new Problem('rate_limited', { detail });
    }
    if (this.#taken >= this.#max) throw new Problem('overloaded');
    this.#byUser.set(userId, own + 1);
    this.#taken += 1;
  }

  leave(userId: string): void {
    const own = this.#byUser.get(userId) ?? 0;
    if (own > 1) this.#byUser.set(userId, own - 1);
    else this.#byUser.delete(userId);
    this.#taken -= 1;
  }
}
