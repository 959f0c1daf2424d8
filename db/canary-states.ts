import type { Queryable } from './client/pool.ts';

/** A canary on one server. */
export interface CanaryState {
  readonly schema: string;
  readonly name: string;
  /** When it was stopped; null while it runs. */
  readonly stoppedAt: Date | null;
  readonly stopReason: string | null;
  /** Whether this look has stopped it. */
  readonly stoppedNow: boolean;
}

/** Compares the canaries of a server with the present versions, and stops bad ones. @throws {DatabaseError} */
export function judgeCanaries(server: Queryable): Promise<CanaryState[]> {
  return server.query<CanaryState & Record<string, unknown>>({
    text: `SELECT schema, name, stopped_at AS "stoppedAt", stop_reason AS "stopReason",
                  stopped_now AS "stoppedNow" FROM catalog.judge_canaries()`,
  });
}
