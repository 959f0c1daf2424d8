import { setTimeout as sleep } from 'node:timers/promises';
import { TimeoutStrategy, timeout } from 'cockatiel';
import { Circuit } from '../../process/circuit.ts';
import type { AnyRow, Pool, Queryable, Statement } from './pool-types.ts';

/**
 * Reads from a standby that give what the primary would have given.
 *
 * The primary is asked for a pin: how far its WAL is flushed, and the oldest transaction that still runs.
 * A standby's answer counts if two things hold:
 *
 * - The standby had replayed the flushed WAL before it read. So it shows all that the primary showed.
 * - Each row that it shows was written before that oldest transaction. So the primary showed it as well.
 *
 * Such an answer is the primary's own at the moment of the pin. Any other goes to the primary.
 */

/** A moment of a primary. */
export interface Pin {
  /** Digits: all transactions before this one have ended. */
  readonly xmin: string;
  /** The WAL up to here is flushed; what the primary showed was committed before. */
  readonly lsn: string;
  readonly timeline: number;
  /** Digits: the number that a cluster and its standbys have in common. */
  readonly cluster: string;
}

/** A transaction becomes visible after its commit is flushed, so the snapshot is taken first. */
const PIN = `
  SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS xmin,
         w.lsn::text AS lsn,
         ('x' || left(pg_walfile_name(w.lsn), 8))::bit(32)::int AS timeline,
         (pg_control_system()).system_identifier::text AS cluster
  FROM (SELECT pg_current_wal_flush_lsn() AS lsn OFFSET 0) w`;

/**
 * Both the timeline of the control file and that of the keeper's last beat are of WAL which the standby has
 * replayed, so each is one that the standby follows. After a failover the control file has the old one for minutes,
 * until the next restartpoint. The beat has the new one within seconds.
 */
const STATE = `
  SELECT pg_is_in_recovery()
         AND (pg_control_system()).system_identifier = $3
         AND ((pg_control_recovery()).min_recovery_end_timeline = $2
              OR coalesce(catalog.accepted_history() = concat($3::bigint, '/', lpad(upper(to_hex($2::int)), 8, '0')),
                          false)) AS "isStandby",
         coalesce(pg_last_wal_replay_lsn() >= $1::pg_lsn, false) AS "hasReplayed"`;

/** @throws {DatabaseError} also if the server is no primary */
export async function askPin(primary: Queryable): Promise<Pin> {
  const [pin] = await primary.query<Pin & AnyRow>({ name: 'standby_pin', text: PIN });
  if (pin === undefined) throw new TypeError('no pin');
  return pin;
}

/** Why a read went where it went. */
export type ReadAnswer = 'standby' | 'recent' | 'behind' | 'not_standby' | 'away';

/** Pauses between the questions whether the standby has replayed enough; together the longest wait. */
const REPLAY_PAUSES_MS = [2, 4, 8, 16, 32, 38];

/**
 * Waits until the standby has replayed what is in the pin.
 *
 * @param session the session that reads afterwards: another may lead to another standby
 * @returns why the standby cannot be used, if it cannot
 * @throws {DatabaseError}
 */
export async function awaitReplay(
  session: Queryable,
  { lsn, timeline, cluster }: Pin,
): Promise<'behind' | 'not_standby' | undefined> {
  for (const pauseMs of [...REPLAY_PAUSES_MS, undefined]) {
    const [state] = await session.query<{ isStandby: boolean; hasReplayed: boolean }>({
      name: 'standby_state',
      text: STATE,
      values: [lsn, timeline, cluster],
    });
    if (state?.isStandby !== true) return 'not_standby';
    if (state.hasReplayed) return undefined;
    if (pauseMs !== undefined) await sleep(pauseMs);
  }
  return 'behind';
}

/**
 * SQL expression for the `isSettled` of a row: whether all of it was written before the transaction `xmin`.
 * On the primary, where that parameter is NULL, the age is not computed.
 */
export function isSettled(age: string, xmin: string): string {
  return `CASE WHEN ${xmin}::xid8 IS NOT NULL THEN ${age} > age(${xmin}::xid8::xid) END AS "isSettled"`;
}

/** The longest time that a read tries the standby. */
const TRY_MS = 250;
/** After so many tries in a row that failed, the standby is left alone. */
const FAILURES_MAX = 1;
/** The standby is left alone for this long. Then one read tries it, and the others do not wait for it. */
const REST_MS = 1_000;

/** Reads that a standby may serve. */
export class History implements Queryable {
  readonly #primary: Pool;
  readonly #standby: Pool | undefined;
  readonly #onRead: (answer: ReadAnswer) => void;
  readonly #circuit: Circuit;
  readonly #inTime = timeout(TRY_MS, TimeoutStrategy.Aggressive);
  /** The question under way, and the one that follows it. */
  #asked: Promise<Pin> | undefined;
  #next: Promise<Pin> | undefined;

  constructor(primary: Pool, standby?: Pool, onRead: (answer: ReadAnswer) => void = () => {}) {
    this.#primary = primary;
    this.#standby = standby;
    this.#onRead = onRead;
    const isFailure = (result: unknown) => result === 'behind' || result === 'not_standby';
    this.#circuit = new Circuit({ failuresMax: FAILURES_MAX, openMs: REST_MS, isFailure });
  }

  /**
   * Adds the parameter of `isSettled` to the statement, whose rows must have it: the oldest transaction that ran
   * on the primary when it was asked; NULL on the primary itself.
   *
   * @throws {DatabaseError} of the primary
   */
  async query<Row extends AnyRow>(statement: Statement): Promise<Row[]> {
    const { values = [] } = statement;
    if (this.#standby !== undefined) {
      const answer = await this.#askStandby<Row>(this.#standby, statement);
      this.#onRead(typeof answer === 'string' ? answer : 'standby');
      if (typeof answer !== 'string') return answer;
    }
    return this.#primary.query<Row>({ ...statement, values: [...values, null] });
  }

  /** Never rejects. */
  async #askStandby<Row extends AnyRow>(
    standby: Pool,
    { values = [], ...statement }: Statement,
  ): Promise<Row[] | ReadAnswer> {
    const read = async () => {
      const pin = await this.#pin();
      return standby.session(async (session) => {
        const why = await awaitReplay(session, pin);
        if (why !== undefined) return why;
        const rows = await session.query<Row>({
          ...statement,
          values: [...values, pin.xmin],
        });
        return rows.every(({ isSettled }) => isSettled === true) ? rows : 'recent';
      });
    };
    try {
      const answer = await this.#circuit.run(() => this.#inTime.execute(read));
      // A server that was promoted keeps its sessions. The next one goes to a server that is a standby now.
      if (answer === 'not_standby') standby.discardIdle();
      return answer ?? 'away';
    } catch {
      return 'away';
    }
  }

  /**
   * Asks the primary for a pin. Reads that begin while a question is under way share the one that
   * follows it: the answer must be younger than the beginning of the read.
   */
  #pin(): Promise<Pin> {
    if (this.#asked === undefined) return this.#ask();
    this.#next ??= this.#asked.then(
      () => this.#ask(),
      () => this.#ask(),
    );
    return this.#next;
  }

  #ask(): Promise<Pin> {
    this.#next = undefined;
    const asked = askPin(this.#primary).finally(() => {
      if (this.#asked === asked) this.#asked = undefined;
    });
    this.#asked = asked;
    return asked;
  }
}
