import { elapsedMs } from '../../process/clock.ts';
import { Calls } from './calls.ts';
import {
  type Connect,
  Connection,
  type Identity,
  type Link,
  type Lost,
  type Request,
} from './connection.ts';
import { type Observation, Observations } from './observe.ts';
import { OPEN_ACL, type Protection } from './protection.ts';
import { Refusals } from './refusals.ts';
import type { AclOf } from './requests.ts';
import type { Failure, Observed, Result } from './result.ts';
import type { SessionEvents, SessionOptions } from './session-options.ts';
import { TrustWindow } from './trust.ts';

/**
 * One ZooKeeper session that survives its connections. After a disconnect, a new connection resumes
 * the session as long as the servers know it; otherwise a new session starts. A probe with a
 * deadline detects a silent server within the session timeout. Calls without a connection fail at
 * once.
 *
 * The trust window: other processes may conclude that this one is gone only after its session has
 * ended, so it may act on its grants while `isTrusted` (see `trust.ts`). The probe is a
 * transaction, because only transactions need an answer of the ensemble's leader. A follower that
 * is cut off from the leader keeps answering reads while the session expires.
 */

/** A call without an answer within this share of the session timeout ends the connection. */
const CALL_TIMEOUT_SHARE = 1 / 3;
const PROBE_INTERVAL_SHARE = 1 / 6;
const CONNECT_TIMEOUT_MIN_MS = 500;
const RECONNECT_DELAY_MIN_MS = 20;
const RECONNECT_DELAY_MAX_MS = 1_000;
const REREAD_INTERVAL_MS = 3_000;
/** With more SKUs, each observation has its turn less often, and a session costs ZooKeeper no more. */
const REREADS_MAX = 4;
/**
 * After so many session timeouts without any server, a lost history is accepted (`Identity.zxid`).
 */
const HISTORY_LOST_TIMEOUTS = 10;

const ZXID_NONE = Buffer.alloc(8);
/** The root always exists; its version does not matter. */
const PROBED = '/';

/** Failures that prove that the server considers the session alive. */
const SERVER_SAID: ReadonlySet<Failure> = new Set([
  'no_node',
  'node_exists',
  'bad_version',
  'not_empty',
]);

export type { SessionOptions } from './session-options.ts';

/** More than 200 lines: one state machine, which is easier to follow in one piece. */
export class ZkSession extends Calls<SessionEvents> {
  #options: SessionOptions;
  /** Keeps running while the machine sleeps, like the ensemble's clock. */
  readonly #now: () => number;
  #servers: string[];
  #next: number;
  #connection: Link | undefined;
  #connected = false;
  #closed = false;
  #identity: Identity | undefined;
  #timeoutMs: number;
  #trust = new TrustWindow();
  #lostAt = Number.NEGATIVE_INFINITY;
  readonly #refusals: Refusals;
  #delayMs = RECONNECT_DELAY_MIN_MS;
  #timers = new Set<NodeJS.Timeout>();
  readonly #observations = new Observations(this);
  protected readonly aclOf: AclOf;

  constructor(options: SessionOptions) {
    super();
    this.#options = options;
    this.#now = options.now ?? elapsedMs;
    this.#refusals = new Refusals(options.log);
    this.#servers = options.servers.split(',');
    this.#next = Math.floor(Math.random() * this.#servers.length);
    this.#timeoutMs = options.sessionTimeoutMs;
    this.aclOf = (path) => options.protection?.aclOf(path) ?? OPEN_ACL;
  }

  /** Starts to connect and keeps reconnecting until `close()`. Emits `SessionEvents`. */
  start(): void {
    this.#open();
    const { rereadIntervalMs = REREAD_INTERVAL_MS, rereadsMax = REREADS_MAX } = this.#options;
    const readNext = () => this.#observations.readNext(rereadsMax);
    this.#timers.add(setInterval(readNext, rereadIntervalMs).unref());
  }

  /** Resolves when there is a session; rejects when there is none within `timeoutMs`. */
  async connected(timeoutMs: number): Promise<void> {
    if (this.#connected) return;
    await new Promise<void>((resolve, reject) => {
      const done = () => {
        clearTimeout(timer);
        this.off('session', done).off('resumed', done);
        resolve();
      };
      const timer = setTimeout(() => {
        this.off('session', done).off('resumed', done);
        reject(new Error(`no ZooKeeper session within ${timeoutMs} ms`));
      }, timeoutMs);
      this.on('session', done).on('resumed', done);
    });
  }

  get protection(): Protection | undefined {
    return this.#options.protection;
  }

  get isConnected(): boolean {
    return this.#connected;
  }

  /** Whether the session certainly has not ended yet. */
  get isTrusted(): boolean {
    return this.#now() < this.#trust.until;
  }

  /** Changes with each session. Compared around an await, it shows which session answered. */
  get id(): bigint | undefined {
    return this.#identity?.id.readBigInt64BE();
  }

  /** The session timeout negotiated with the server, in milliseconds. */
  get timeoutMs(): number {
    return this.#timeoutMs;
  }

  #later(delayMs: number, action: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, delayMs);
    this.#timers.add(timer);
  }

  #open(): void {
    if (this.#closed) return;
    const server = this.#servers[this.#next++ % this.#servers.length] ?? '';
    const open: Connect = this.#options.connect ?? ((...parts) => new Connection(...parts));
    const openedAt = this.#now();
    const connection = open(
      {
        server,
        timeoutMs: this.#options.sessionTimeoutMs,
        ...(this.#identity && { identity: this.#identity }),
        auths: this.#options.protection?.auths ?? [],
      },
      () => {
        clearTimeout(deadline);
        this.#onConnected(connection, openedAt);
      },
      (why) => {
        clearTimeout(deadline);
        this.#onLost(connection, why);
      },
    );
    this.#connection = connection;
    const share = this.#timeoutMs / (this.#servers.length + 1);
    const connectTimeoutMs = Math.max(CONNECT_TIMEOUT_MIN_MS, share);
    const deadline = setTimeout(() => connection.lose('disconnected'), connectTimeoutMs);
  }

  #onConnected(connection: Link, openedAt: number): void {
    const identity = connection.identity();
    const isResumed = this.#identity !== undefined && identity.id.equals(this.#identity.id);
    this.#identity = identity;
    this.#timeoutMs = identity.timeoutMs;
    this.#connected = true;
    this.#delayMs = RECONNECT_DELAY_MIN_MS;
    this.#trust.opened(openedAt, this.#timeoutMs);
    this.#probe(connection);
    this.emit(isResumed ? 'resumed' : 'session');
    this.#observations.readAll();
  }

  #onLost(connection: Link, why: Lost): void {
    if (this.#connection !== connection) return;
    const wasConnected = this.#connected;
    this.#connected = false;
    this.#connection = undefined;
    if (wasConnected) {
      this.#lostAt = performance.now();
      if (this.#identity) this.#identity = { ...this.#identity, zxid: connection.zxid() };
      this.emit('suspended');
    }
    if (why === 'auth_failed') {
      this.#options.log?.warn({}, 'ZooKeeper refused the credentials; trying again');
    }
    if (why === 'expired') this.#expire();
    const withoutServerMs = performance.now() - this.#lostAt;
    if (this.#identity && withoutServerMs > HISTORY_LOST_TIMEOUTS * this.#timeoutMs) {
      this.#identity = { ...this.#identity, zxid: ZXID_NONE };
    }
    const delayMs = why === 'expired' ? 0 : this.#delayMs * (0.5 + Math.random() / 2);
    this.#delayMs = Math.min(this.#delayMs * 2, RECONNECT_DELAY_MAX_MS);
    this.#later(delayMs, () => this.#open());
  }

  #expire(): void {
    this.#identity = undefined;
    this.#trust.end();
    this.emit('expired');
  }

  async #probe(connection: Link): Promise<void> {
    if (this.#connection !== connection || !this.#connected) return;
    await this.multi([{ op: 'check', path: PROBED, version: -1 }]);
    if (this.#connection !== connection || this.#closed) return;
    this.#later(this.#timeoutMs * PROBE_INTERVAL_SHARE, () => this.#probe(connection));
  }

  protected async call(
    request: Request,
    passesLeader: boolean,
    path: string,
  ): Promise<Result<unknown>> {
    const connection = this.#connection;
    if (!connection || !this.#connected) return { ok: false, error: 'not_connected' };
    const sentAt = this.#now();
    const timeoutMs = this.#timeoutMs * CALL_TIMEOUT_SHARE;
    const result = await connection.call(request, timeoutMs, () => connection.lose('disconnected'));
    if (result.ok && passesLeader && path !== PROBED) this.#refusals.written();
    if (!result.ok && result.error === 'no_auth') this.#refusals.refused(path, passesLeader);
    if (this.#connection !== connection) return result;
    const error = result.ok ? undefined : result.error;
    if (error === 'session_expired') connection.lose('expired');
    else if (error === undefined || SERVER_SAID.has(error)) {
      this.#trust.answered(sentAt, this.#now(), passesLeader);
    }
    return result;
  }

  /** See `Refusals`. */
  get missingRights(): readonly string[] {
    return this.#refusals.missingRights;
  }

  /**
   * Watches the value of a node across connections and sessions until the observation is closed.
   * The handler is called after the first read and after each change, with undefined when the node
   * does not exist. Changes in quick succession may be reported as one.
   *
   * @param onRefused called when this process may not read the node, and not again until it could read it
   */
  watch(
    path: string,
    handler: (value: Observed | undefined) => void,
    onRefused = () => {},
  ): Observation {
    return this.#observations.begin({ path, kind: 'value', handler, onRefused });
  }

  /**
   * Watches the names of a node's children in the same way. A node that does not exist has none.
   */
  watchChildren(path: string, handler: (names: readonly string[]) => void): Observation {
    return this.#observations.begin({ path, kind: 'children', handler });
  }

  /** Forgets a function that was passed to a read of `path`. */
  forget(path: string, onEvent: () => void): void {
    this.#connection?.forget(path, onEvent);
  }

  /** Ends the session on the server, so that its ephemeral nodes vanish at once. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#observations.closeAll();
    const connection = this.#connection;
    const wasConnected = this.#connected;
    this.#connection = undefined;
    this.#connected = false;
    this.#trust.end();
    if (wasConnected) await connection?.close();
    else connection?.abandon();
  }
}
