/**
 * Until when a session cannot have ended, by what was heard of it. Pure; times are milliseconds of
 * one monotonic clock.
 *
 * A session ends by the decision of the ensemble's leader, when it has not heard of it for the
 * timeout. A follower tells the leader which sessions are alive only every half tick, and a write
 * that passes through it does not count: the leader answers it and may end the session a moment
 * later, if the client was silent for long before. So one answer proves nothing yet. What proves it
 * is a pair: a message that a server has answered, and a later one that the leader has answered,
 * sent when the list with the first must have reached the leader. As the session was alive then, the
 * leader counts from the first message or later.
 */

/** Ticks are at most half a session timeout, so half a tick is a quarter; and a little for the way. */
const HANDOVER_SHARE = 0.25 + 0.05;
/** For clocks that do not run alike. */
const MARGIN_SHARE = 0.05;
/** Answers closer to each other than this part of the timeout are remembered as one. */
const GRAIN_SHARE = 0.02;

interface Answer {
  readonly sentAt: number;
  readonly answeredAt: number;
}

export class TrustWindow {
  #timeoutMs = 0;
  #until = Number.NEGATIVE_INFINITY;
  /** Answers on this connection that are not proven yet, oldest first. */
  #answers: Answer[] = [];

  get until(): number {
    return this.#until;
  }

  /** A connection: making a session or going on with it is the leader's own decision. */
  opened(sentAt: number, timeoutMs: number): void {
    this.#timeoutMs = timeoutMs;
    this.#answers = [];
    this.#prove(sentAt);
  }

  /** Some server has answered; `isLeaders`: its leader had to find the session alive for it. */
  answered(sentAt: number, answeredAt: number, isLeaders: boolean): void {
    if (isLeaders) {
      const provenAt = sentAt - this.#timeoutMs * HANDOVER_SHARE;
      let proven: Answer | undefined;
      while (this.#answers[0] && this.#answers[0].answeredAt <= provenAt) {
        proven = this.#answers.shift();
      }
      if (proven) this.#prove(proven.sentAt);
    }
    const last = this.#answers.at(-1);
    if (last && sentAt - last.sentAt < this.#timeoutMs * GRAIN_SHARE) return;
    this.#answers.push({ sentAt, answeredAt });
  }

  #prove(sentAt: number): void {
    this.#until = Math.max(this.#until, sentAt + this.#timeoutMs * (1 - MARGIN_SHARE));
  }

  /** The session has ended. */
  end(): void {
    this.#until = Number.NEGATIVE_INFINITY;
    this.#answers = [];
  }
}
