/**
 * Computes until when a session certainly has not ended. Pure; times are milliseconds of one
 * monotonic clock.
 *
 * The ensemble's leader ends a session that it has not heard of for the timeout. A follower tells
 * the leader only every half tick which sessions are alive, and a write through a follower does not
 * count: the leader may answer it and end the session a moment later, if the client was silent for
 * long before. One answer therefore proves nothing. Proof is a pair: a message that any server has
 * answered, and a later message that the leader has answered, sent after the follower's list with
 * the first message must have reached the leader. Since the session was alive then, the leader
 * counts the timeout from the first message or later.
 */

/**
 * A tick is at most half a session timeout, so half a tick is at most a quarter of it. The rest
 * allows for the network.
 */
const HANDOVER_SHARE = 0.25 + 0.05;
/** Margin for clocks that run at different rates. */
const MARGIN_SHARE = 0.05;
/** Answers that are closer to each other than this share of the timeout are stored as one. */
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

  /**
   * A connection was opened. Creating or resuming a session is a decision of the leader itself, so
   * it is proof.
   */
  opened(sentAt: number, timeoutMs: number): void {
    this.#timeoutMs = timeoutMs;
    this.#answers = [];
    this.#prove(sentAt);
  }

  /**
   * A server has answered.
   *
   * @param isLeaders the leader had to find the session alive for this answer
   */
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
