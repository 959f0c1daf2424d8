import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import zookeeper from 'node-zookeeper-client';
import { Observation, type Observer } from './observe.ts';
import type { Failure, Observed, Operation, Result, Stat } from './result.ts';

/**
 * One ZooKeeper session over node-zookeeper-client, which nobody else imports (hence the length).
 *
 * What the client lacks is done here:
 * - It has no read timeout: a probe with a deadline notices a silent server within the session
 *   timeout, and so does any call that gets no answer.
 * - After a cut connection its parse buffer is stale: every disconnect gets a new client object. It
 *   resumes the same session (id and password) for as long as the servers know it.
 * - Operations queued while disconnected never fail: here they are not sent at all.
 * - Version 0 in a transaction means "any version" to it; see `addOperation`.
 * - An error code that it does not know throws in its socket handler; see `guardParser`.
 *
 * The trust window: another process may only conclude that this one is gone when the session has
 * ended, so this one may act on what it was granted until `trustedUntil`. Only answers that passed
 * the leader of the ensemble extend it (writes, and the probe, a transaction that only checks): a
 * follower that was cut off from its leader goes on answering reads while the session expires.
 */

/** Calls and probes that get no answer within this part of the session timeout end the connection. */
const CALL_TIMEOUT_SHARE = 1 / 3;
const PROBE_INTERVAL_SHARE = 1 / 6;
/**
 * Part of the session timeout that is not trusted. A follower hands the leader its list of live
 * sessions only every half tick, so the leader may count from a probe that is one interval and half
 * a tick older than the last one answered: (1/6 + 1/4 at the smallest timeout, two ticks) of it.
 */
const TRUST_MARGIN_SHARE = 0.42;
const CONNECT_TIMEOUT_MIN_MS = 500;
const RECONNECT_DELAY_MIN_MS = 20;
const RECONNECT_DELAY_MAX_MS = 1_000;
const CLOSE_TIMEOUT_MS = 1_000;
/** Watched values are read again this often, whether or not an event came. */
const REREAD_INTERVAL_MS = 3_000;
/** Session timeouts without any server after which a lost history is believed (see `Identity`). */
const HISTORY_LOST_TIMEOUTS = 10;

export interface SessionOptions {
  /** `host:port[,host:port…]` */
  readonly servers: string;
  readonly sessionTimeoutMs: number;
  /** `user:password`: digest authentication; nodes that are made belong to it. */
  readonly auth?: string;
  readonly log?: { warn(facts: object, message: string): void };
}

export interface SessionEvents {
  /** A new session: ephemeral nodes of an earlier one are not its own. */
  session: [];
  /** The same session on a new connection. */
  resumed: [];
  /** No connection; the session may still live. */
  suspended: [];
  /** The session has ended; a new one is being asked for. */
  expired: [];
}

/** What a new client object needs to go on with a session. */
interface Identity {
  readonly id: Buffer;
  readonly password: Buffer;
  readonly timeoutMs: number;
  /**
   * Newest transaction seen, so that a server that lags behind is not believed. After a long time
   * without any server it is left out: the ensemble may have been restored from an older copy.
   */
  readonly zxid: Buffer;
}

/** The parts of the client that its own interface hides. */
interface Manager {
  socket?: Socket;
  zxid: Buffer;
  connectTimeoutHandler: NodeJS.Timeout | null;
  connect(): void;
  onSocketData(data: Buffer): void;
}

/** Refusals that the leader of the ensemble gives, knowing that the session is alive. */
const LEADER_SAID: ReadonlySet<Failure> = new Set([
  'no_node',
  'node_exists',
  'bad_version',
  'not_empty',
]);

type Lost = 'disconnected' | 'expired' | 'auth_failed';

const ZXID_NONE = Buffer.alloc(8);

function failureOf(error: unknown): Failure {
  if (!(error instanceof zookeeper.Exception)) return 'refused';
  const codes = zookeeper.Exception;
  switch (error.getCode()) {
    case codes.NO_NODE:
      return 'no_node';
    case codes.NODE_EXISTS:
      return 'node_exists';
    case codes.BAD_VERSION:
      return 'bad_version';
    case codes.NOT_EMPTY:
      return 'not_empty';
    case codes.NO_AUTH:
    case codes.AUTH_FAILED:
      return 'no_auth';
    case codes.SESSION_EXPIRED:
      return 'session_expired';
    case codes.CONNECTION_LOSS:
      return 'connection_loss';
    default:
      return 'refused';
  }
}

function statOf(raw: zookeeper.Stat): Stat {
  return {
    version: raw.version,
    created: raw.czxid.readBigInt64BE(),
    modified: raw.mzxid.readBigInt64BE(),
    owner: raw.ephemeralOwner.readBigInt64BE(),
    children: raw.numChildren,
  };
}

type Callback = (error: unknown, value?: unknown) => void;
type Invoke = (client: zookeeper.Client, done: Callback) => void;

/** One client object from its first byte to its last; never used again after it was lost. */
class Connection {
  readonly openedAt = performance.now();
  readonly client: zookeeper.Client;
  #manager: Manager;
  #pending = new Set<(error: Failure) => void>();
  #onLost: (why: Lost) => void;
  #gone = false;

  constructor(
    options: { server: string; timeoutMs: number; identity?: Identity; auth?: string },
    onConnected: () => void,
    onLost: (why: Lost) => void,
  ) {
    const { identity, auth } = options;
    const settings = {
      sessionTimeout: options.timeoutMs,
      retries: 0,
      ...(identity && { sessionId: identity.id, sessionPassword: identity.password }),
    };
    this.client = zookeeper.createClient(options.server, settings);
    this.#manager = (this.client as unknown as { connectionManager: Manager }).connectionManager;
    if (identity) identity.zxid.copy(this.#manager.zxid);
    this.#onLost = onLost;
    this.#guardParser();
    if (auth !== undefined) this.client.addAuthInfo('digest', Buffer.from(auth));
    this.client.on('connected', onConnected);
    this.client.on('disconnected', () => this.lose('disconnected'));
    this.client.on('expired', () => this.lose('expired'));
    this.client.on('authenticationFailed', () => this.lose('auth_failed'));
    this.client.connect();
  }

  /** An answer that the client cannot read must end the connection, not the process. */
  #guardParser(): void {
    const manager = this.#manager;
    const parse = manager.onSocketData;
    manager.onSocketData = (data) => {
      try {
        parse.call(manager, data);
      } catch {
        this.lose('disconnected');
      }
    };
  }

  identity(): Identity {
    return {
      id: this.client.getSessionId(),
      password: this.client.getSessionPassword(),
      timeoutMs: this.client.getSessionTimeout(),
      zxid: this.zxid(),
    };
  }

  zxid(): Buffer {
    return Buffer.from(this.#manager.zxid);
  }

  /** Sends one request. `onSilent` is called when no answer came within the deadline. */
  call(invoke: Invoke, timeoutMs: number, onSilent: () => void): Promise<Result<unknown>> {
    return new Promise((resolve) => {
      if (this.#gone) return resolve({ ok: false, error: 'not_connected' });
      const end = (result: Result<unknown>) => {
        clearTimeout(timer);
        this.#pending.delete(fail);
        resolve(result);
      };
      const fail = (error: Failure) => end({ ok: false, error });
      // A process that was stopped runs its timers before it reads its sockets: look once more.
      const timer = setTimeout(() => {
        setImmediate(() => {
          if (!this.#pending.has(fail)) return;
          fail('timed_out');
          onSilent();
        });
      }, timeoutMs);
      this.#pending.add(fail);
      try {
        invoke(this.client, (error, value) => {
          if (error) fail(failureOf(error));
          else end({ ok: true, value });
        });
      } catch (error) {
        // The client refuses a malformed path by throwing: a bug of the caller, not a lost connection.
        end({ ok: false, error: 'refused' });
        throw error;
      }
    });
  }

  /** Ends this client object without ending the session; open calls become `connection_loss`. */
  lose(why: Lost): void {
    if (this.#gone) return;
    this.abandon();
    this.#onLost(why);
  }

  abandon(): void {
    this.#gone = true;
    const manager = this.#manager;
    manager.connect = () => {};
    this.client.removeAllListeners();
    const destroy = () => {
      if (manager.connectTimeoutHandler) clearTimeout(manager.connectTimeoutHandler);
      manager.socket?.destroy();
    };
    destroy();
    // The client makes its socket one tick after connect().
    process.nextTick(destroy);
    for (const fail of this.#pending) fail('connection_loss');
  }

  /** Ends the session on the server, within a deadline. */
  async close(): Promise<void> {
    const socket = this.#manager.socket;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
      socket?.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      this.client.removeAllListeners();
      this.client.close();
    });
    this.abandon();
  }
}

/**
 * The client replaces version 0 in a transaction by -1 ("any version"), so a node that was never
 * written since its creation would be written unconditionally: the number is put back here.
 */
function addOperation(transaction: zookeeper.Transaction, operation: Operation, acl: unknown[]) {
  const { ops } = transaction as unknown as { ops: { version?: number; acls?: unknown[] }[] };
  switch (operation.op) {
    case 'check':
      transaction.check(operation.path, operation.version);
      break;
    case 'set':
      transaction.setData(operation.path, Buffer.from(operation.text), operation.version);
      break;
    case 'delete':
      transaction.remove(operation.path, operation.version);
      break;
    case 'create': {
      const { EPHEMERAL, PERSISTENT } = zookeeper.CreateMode;
      const mode = operation.ephemeral ? EPHEMERAL : PERSISTENT;
      transaction.create(operation.path, Buffer.from(operation.text), mode);
      break;
    }
  }
  const added = ops.at(-1);
  if (added === undefined) return;
  if (operation.op === 'create') added.acls = acl;
  else added.version = operation.version;
}

function aclOf(auth: string | undefined): zookeeper.ACL[] {
  // The types of the client leave its ready-made lists out.
  const lists = zookeeper.ACL as unknown as Record<string, zookeeper.ACL[]>;
  const open = lists['OPEN_ACL_UNSAFE'] ?? [];
  if (auth === undefined) return open;
  return [...(lists['CREATOR_ALL_ACL'] ?? []), ...(lists['READ_ACL_UNSAFE'] ?? [])];
}

export class ZkSession extends EventEmitter<SessionEvents> {
  #options: SessionOptions;
  #servers: string[];
  #next: number;
  #connection: Connection | undefined;
  #connected = false;
  #closed = false;
  #identity: Identity | undefined;
  #timeoutMs: number;
  #trustedUntil = Number.NEGATIVE_INFINITY;
  #lostAt = Number.NEGATIVE_INFINITY;
  #delayMs = RECONNECT_DELAY_MIN_MS;
  #timers = new Set<NodeJS.Timeout>();
  #observations = new Set<Observation>();
  #acl: zookeeper.ACL[];

  constructor(options: SessionOptions) {
    super();
    this.#options = options;
    this.#servers = options.servers.split(',');
    this.#next = Math.floor(Math.random() * this.#servers.length);
    this.#timeoutMs = options.sessionTimeoutMs;
    this.#acl = aclOf(options.auth);
  }

  /** Begins to connect, and goes on for ever until `close()`. Events tell how it goes. */
  start(): void {
    this.#open();
    const reread = setInterval(() => this.#reread(), REREAD_INTERVAL_MS);
    reread.unref();
    this.#timers.add(reread);
  }

  /** Resolves when there is a session; rejects when none came within the deadline. */
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

  get isConnected(): boolean {
    return this.#connected;
  }

  /** On the clock of `performance.now()`, ms: until then the session cannot have ended. */
  get trustedUntil(): number {
    return this.#trustedUntil;
  }

  get isTrusted(): boolean {
    return performance.now() < this.#trustedUntil;
  }

  /** Changes with each new session; compare it after an await to know whose answer it was. */
  get id(): bigint | undefined {
    return this.#identity?.id.readBigInt64BE();
  }

  /** Negotiated with the server, ms. */
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
    const connection = new Connection(
      {
        server,
        timeoutMs: this.#options.sessionTimeoutMs,
        ...(this.#identity && { identity: this.#identity }),
        ...(this.#options.auth !== undefined && { auth: this.#options.auth }),
      },
      () => {
        clearTimeout(deadline);
        this.#onConnected(connection);
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

  #onConnected(connection: Connection): void {
    const identity = connection.identity();
    const isResumed = this.#identity !== undefined && identity.id.equals(this.#identity.id);
    this.#identity = identity;
    this.#timeoutMs = identity.timeoutMs;
    this.#connected = true;
    this.#delayMs = RECONNECT_DELAY_MIN_MS;
    this.#trust(connection.openedAt);
    this.#probe(connection);
    this.emit(isResumed ? 'resumed' : 'session');
    this.#reread();
  }

  #onLost(connection: Connection, why: Lost): void {
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
    this.#trustedUntil = Number.NEGATIVE_INFINITY;
    this.emit('expired');
  }

  #trust(sentAt: number): void {
    const until = sentAt + this.#timeoutMs * (1 - TRUST_MARGIN_SHARE);
    this.#trustedUntil = Math.max(this.#trustedUntil, until);
  }

  async #probe(connection: Connection): Promise<void> {
    if (this.#connection !== connection || !this.#connected) return;
    await this.multi([{ op: 'check', path: '/', version: -1 }]);
    if (this.#connection !== connection || this.#closed) return;
    this.#later(this.#timeoutMs * PROBE_INTERVAL_SHARE, () => this.#probe(connection));
  }

  #reread(): void {
    for (const observation of this.#observations) observation.read();
  }

  /** `passesLeader`: the answer proves that the leader of the ensemble holds the session alive. */
  async #call(invoke: Invoke, passesLeader: boolean): Promise<Result<unknown>> {
    const connection = this.#connection;
    if (!connection || !this.#connected) return { ok: false, error: 'not_connected' };
    const sentAt = performance.now();
    const timeoutMs = this.#timeoutMs * CALL_TIMEOUT_SHARE;
    const result = await connection.call(invoke, timeoutMs, () => connection.lose('disconnected'));
    if (this.#connection !== connection) return result;
    const error = result.ok ? undefined : result.error;
    if (error === 'session_expired') connection.lose('expired');
    else if (passesLeader && (error === undefined || LEADER_SAID.has(error))) this.#trust(sentAt);
    return result;
  }

  async get(path: string, onEvent?: () => void): Promise<Result<Observed>> {
    const result = await this.#call((client, done) => {
      const callback = (error: unknown, data: Buffer | undefined, stat: zookeeper.Stat) =>
        done(error, error ? undefined : { text: data?.toString('utf8') ?? '', stat: statOf(stat) });
      if (onEvent) client.getData(path, onEvent, callback);
      else client.getData(path, callback);
    }, false);
    return result as Result<Observed>;
  }

  /** Facts of the node, or undefined when there is none. */
  async exists(path: string, onEvent?: () => void): Promise<Result<Stat | undefined>> {
    const result = await this.#call((client, done) => {
      const callback = (error: unknown, stat: zookeeper.Stat | null) =>
        done(error, stat ? statOf(stat) : undefined);
      if (onEvent) client.exists(path, onEvent, callback);
      else client.exists(path, callback);
    }, false);
    return result as Result<Stat | undefined>;
  }

  async children(path: string, onEvent?: () => void): Promise<Result<string[]>> {
    const result = await this.#call((client, done) => {
      if (onEvent) client.getChildren(path, onEvent, done);
      else client.getChildren(path, done);
    }, false);
    return result as Result<string[]>;
  }

  /** `version` -1 writes whatever is there. */
  async set(path: string, text: string, version: number): Promise<Result<Stat>> {
    const result = await this.#call((client, done) => {
      client.setData(path, Buffer.from(text), version, (error, stat) =>
        done(error, error ? undefined : statOf(stat)),
      );
    }, true);
    return result as Result<Stat>;
  }

  /** The path that was made: with `sequential`, ZooKeeper appends ten digits. */
  async create(
    path: string,
    text: string,
    kind: { ephemeral?: boolean; sequential?: boolean } = {},
  ): Promise<Result<string>> {
    const modes = zookeeper.CreateMode;
    const ephemeral = kind.sequential ? modes.EPHEMERAL_SEQUENTIAL : modes.EPHEMERAL;
    const persistent = kind.sequential ? modes.PERSISTENT_SEQUENTIAL : modes.PERSISTENT;
    const mode = kind.ephemeral ? ephemeral : persistent;
    const result = await this.#call((client, done) => {
      client.create(path, Buffer.from(text), this.#acl, mode, done);
    }, true);
    return result as Result<string>;
  }

  async delete(path: string, version = -1): Promise<Result<void>> {
    const result = await this.#call((client, done) => client.remove(path, version, done), true);
    return result as Result<void>;
  }

  /** All operations or none. On failure the error is that of the first one that could not be done. */
  async multi(operations: readonly Operation[]): Promise<Result<void>> {
    const result = await this.#call((client, done) => {
      const transaction = client.transaction();
      for (const operation of operations) addOperation(transaction, operation, this.#acl);
      transaction.commit((error) => done(error));
    }, true);
    return result as Result<void>;
  }

  /** Makes the node and its parents where they are missing; existing ones are left as they are. */
  async ensure(path: string, text = ''): Promise<Result<void>> {
    const found = await this.exists(path);
    if (!found.ok) return found;
    if (found.value) return { ok: true, value: undefined };
    const parent = path.slice(0, path.lastIndexOf('/'));
    if (parent !== '') {
      const made = await this.ensure(parent);
      if (!made.ok) return made;
    }
    const made = await this.create(path, text);
    if (made.ok || made.error === 'node_exists') return { ok: true, value: undefined };
    return made;
  }

  /**
   * Keeps the value of a node observed: the handler gets it (undefined: no such node) when it was
   * first read and after each change, across connections and sessions, until the observation is
   * closed. Changes that follow each other quickly may be seen as one.
   */
  watch(path: string, handler: (value: Observed | undefined) => void): Observation {
    return this.#observe({ path, kind: 'value', handler });
  }

  /** The same for the names of a node's children; a node that does not exist has none. */
  watchChildren(path: string, handler: (names: readonly string[]) => void): Observation {
    return this.#observe({ path, kind: 'children', handler });
  }

  #observe(observer: Observer): Observation {
    const observation = new Observation(this, observer, () =>
      this.#observations.delete(observation),
    );
    this.#observations.add(observation);
    observation.read();
    return observation;
  }

  /** Ends the session on the server, so that its ephemeral nodes vanish at once. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const observation of [...this.#observations]) observation.close();
    const connection = this.#connection;
    const wasConnected = this.#connected;
    this.#connection = undefined;
    this.#connected = false;
    this.#trustedUntil = Number.NEGATIVE_INFINITY;
    if (wasConnected) await connection?.close();
    else connection?.abandon();
  }
}
