import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import zookeeper from 'node-zookeeper-client';
import { CallQueue } from './call-queue.ts';
import type { AclEntry } from './protection.ts';
import type { Failure, Result } from './result.ts';

/**
 * One connection to ZooKeeper: a client object of node-zookeeper-client, which no other file
 * imports.
 *
 * This file adds what the client lacks: a deadline for each request, since the client has no read
 * timeout; a way to end the connection and keep the session, since the client would reconnect by
 * itself with the parse buffer of the old socket; and protection of the process against answers
 * that the client cannot parse, which end only the connection.
 */

/** The length of an answer in the protocol of ZooKeeper. */
const LENGTH_BYTES = 4;
const CLOSE_TIMEOUT_MS = 1_000;

export type Client = zookeeper.Client;
export type ClientStat = zookeeper.Stat;
export type ClientTransaction = zookeeper.Transaction;
export type Acl = zookeeper.ACL;
export const CREATE_MODES = zookeeper.CreateMode;

/** What a new client object needs to resume a session. */
export interface Identity {
  readonly id: Buffer;
  readonly password: Buffer;
  readonly timeoutMs: number;
  /**
   * The newest transaction seen, so that a server that lags behind refuses the session. After a
   * long time without any server it is cleared, because the ensemble may have been restored from an
   * older copy.
   */
  readonly zxid: Buffer;
}

/** By path, those who wait for an event. */
type Watchers = Record<string, EventEmitter>;

/** Parts of the client that its public interface hides. */
interface Manager {
  readonly watcherManager: {
    readonly dataWatchers: Watchers;
    readonly childWatchers: Watchers;
    readonly existenceWatchers: Watchers;
  };
  socket?: Socket;
  zxid: Buffer;
  connectTimeoutHandler: NodeJS.Timeout | null;
  connect(): void;
  onSocketData(data: Buffer): void;
}

export type Lost = 'disconnected' | 'expired' | 'auth_failed';

export interface LinkOptions {
  /** `host:port` */
  readonly server: string;
  readonly timeoutMs: number;
  /** The session to resume; without it a new session starts. */
  readonly identity?: Identity;
  /** `user:password` of each credential. */
  readonly auths: readonly string[];
}

/** The parts of a connection that a session uses. The simulator has its own implementation. */
export interface Link {
  identity(): Identity;
  zxid(): Buffer;
  call(request: Request, timeoutMs: number, onSilent: () => void): Promise<Result<unknown>>;
  /** Forgets a function that waits for an event of the node. */
  forget(path: string, onEvent: () => void): void;
  lose(why: Lost): void;
  abandon(): void;
  close(): Promise<void>;
}

export type Connect = (
  options: LinkOptions,
  onConnected: () => void,
  onLost: (why: Lost) => void,
) => Link;

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

const { READ, WRITE, CREATE, DELETE, ADMIN } = zookeeper.Permission;
const PERMISSIONS: Readonly<Record<string, number>> = {
  r: READ,
  w: WRITE,
  c: CREATE,
  d: DELETE,
  a: ADMIN,
};

/** Converts an access control list to the client's form. */
export function toAcl(entries: readonly AclEntry[]): Acl[] {
  return entries.map(({ scheme, id, permissions }) => {
    let bits = 0;
    for (const letter of permissions) bits |= PERMISSIONS[letter] ?? 0;
    return new zookeeper.ACL(bits, new zookeeper.Id(scheme, id));
  });
}

/** Converts the client's form of an access control list; letters in the order of zkCli.sh. */
export function fromAcl(acl: readonly Acl[]): AclEntry[] {
  return acl.map((one) => {
    // The client's types call this field `perms`, but its name is `permission`.
    const bits = (one as unknown as { permission: number }).permission;
    const letters = [...'cdrwa'].filter((letter) => bits & (PERMISSIONS[letter] ?? 0));
    return { scheme: one.id.scheme, id: one.id.id, permissions: letters.join('') };
  });
}

/**
 * The end of the answer that begins at `at`; undefined while it has not come whole. Its length stands before it.
 *
 * @throws {RangeError} when there cannot be such a length
 */
function endOfAnswer(bytes: Buffer, at: number): number | undefined {
  if (bytes.length < at + LENGTH_BYTES) return undefined;
  const length = bytes.readInt32BE(at);
  if (length < 0) throw new RangeError(`an answer cannot have ${length} bytes`);
  const end = at + LENGTH_BYTES + length;
  return end <= bytes.length ? end : undefined;
}

type Callback = (error: unknown, value?: unknown) => void;

/** Sends one request. `done` receives the answer. */
export type Request = (client: Client, done: Callback) => void;

/** A connection is never reused after it was lost. */
export class Connection implements Link {
  readonly client: zookeeper.Client;
  #manager: Manager;
  readonly #calls = new CallQueue();
  #onLost: (why: Lost) => void;
  #gone = false;

  constructor(options: LinkOptions, onConnected: () => void, onLost: (why: Lost) => void) {
    const { identity, auths } = options;
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
    for (const auth of auths) this.client.addAuthInfo('digest', Buffer.from(auth));
    this.client.on('connected', onConnected);
    this.client.on('disconnected', () => this.lose('disconnected'));
    this.client.on('expired', () => this.lose('expired'));
    this.client.on('authenticationFailed', () => this.lose('auth_failed'));
    this.client.connect();
  }

  /**
   * An answer that the client cannot parse must end the connection, not the process. The client gets one answer at a
   * time: it copies all bytes that wait behind an answer, again for each one.
   */
  #guardParser(): void {
    const manager = this.#manager;
    const parse = manager.onSocketData;
    let rest: Buffer = Buffer.alloc(0);
    manager.onSocketData = (data) => {
      const bytes = rest.length === 0 ? data : Buffer.concat([rest, data]);
      let at = 0;
      try {
        for (;;) {
          const end = endOfAnswer(bytes, at);
          if (end === undefined) break;
          // Pings and events have numbers below 0. They say nothing about requests.
          if (bytes.readInt32BE(at + LENGTH_BYTES) >= 0) this.#calls.answered();
          parse.call(manager, bytes.subarray(at, end));
          at = end;
        }
      } catch {
        this.lose('disconnected');
      }
      rest = bytes.subarray(at);
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

  /** Sends one request. `onSilent` is called when no answer came within `timeoutMs`. */
  call(request: Request, timeoutMs: number, onSilent: () => void): Promise<Result<unknown>> {
    const send = (end: (result: Result<unknown>) => void) => {
      this.#writeTogether();
      request(this.client, (error, value) =>
        end(error ? { ok: false, error: failureOf(error) } : { ok: true, value }),
      );
    };
    return this.#calls.call(send, timeoutMs, onSilent);
  }

  /** The event may never come, and the client would keep the function, and all that it holds, as long as the connection lasts. */
  forget(path: string, onEvent: () => void): void {
    const { dataWatchers, childWatchers, existenceWatchers } = this.#manager.watcherManager;
    for (const watchers of [dataWatchers, childWatchers, existenceWatchers]) {
      const left = watchers[path]?.off('notification', onEvent).listenerCount('notification');
      if (left === 0) delete watchers[path];
    }
  }

  /**
   * Requests of the same moment share one write to the socket. Otherwise each has a system call of its
   * own, which costs more than all else of a read.
   */
  #writeTogether(): void {
    const { socket } = this.#manager;
    if (socket === undefined || socket.writableCorked > 0) return;
    socket.cork();
    process.nextTick(() => socket.uncork());
  }

  /** Ends this client object but not the session. Open calls end with `connection_loss`. */
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
    // The client creates its socket one tick after connect().
    process.nextTick(destroy);
    this.#calls.close();
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
