import type {
  Client,
  Connect,
  Identity,
  Link,
  LinkOptions,
  Lost,
  Request,
} from '../../../zk/client/connection.ts';
import type { Failure, Result } from '../../../zk/client/result.ts';
import { createClient, zxidBuffer } from './client.ts';
import type { Connection, Network } from './network.ts';
import {
  type Change,
  parentOf,
  type Server,
  type Session,
  type Write,
  type Written,
  type ZNode,
} from './zookeeper.ts';

/**
 * One connection of a simulated process to a simulated server: ordered, slow, and subject to loss.
 */

const FLOWING_MS = 5;

interface Call {
  readonly serve: (done: (answer: () => void) => void) => void;
  readonly isWrite: boolean;
}

/** Every connection of the process goes through `network`. */
export function connectThrough(network: Network): Connect {
  return (options, onConnected, onLost) => {
    const link = new SimLink(network, options, onConnected, onLost);
    network.link = link;
    return link;
  };
}

class SimLink implements Link, Connection {
  readonly network: Network;
  #server: Server;
  #session: Session | undefined;
  #asked: bigint | undefined;
  #zxid: bigint;
  #onLost: (why: Lost) => void;
  #isGone = false;
  #isAnswered = false;
  /** The server's end is closed. */
  #isClosed = false;
  #toServerAt = 0;
  #toClientAt = 0;
  #pending = new Set<(error: Failure) => void>();
  #queue: Call[] = [];
  #isServing = false;
  /** Watches as the server knows them, and their handlers in the client. */
  #watches = new Map<string, Set<() => void>>();
  /** Writes that were sent and are neither in the history nor refused yet. */
  writesUnderWay = 0;
  readonly #client: Client;

  constructor(
    network: Network,
    options: LinkOptions,
    onConnected: () => void,
    onLost: (why: Lost) => void,
  ) {
    this.network = network;
    this.#onLost = onLost;
    const { ensemble } = network.options;
    this.#server = ensemble.servers[Number(options.server.split(':')[1])] as Server;
    this.#zxid = options.identity ? options.identity.zxid.readBigInt64BE() : 0n;
    this.#client = createClient({
      read: this.#read.bind(this),
      write: this.#write.bind(this),
      onRead: network.options.onRead,
    });
    const id = options.identity?.id.readBigInt64BE();
    this.#asked = id;
    this.#toServer(() => {
      const server = this.#server;
      const refuses =
        !server.isUp || server.isLonely || !ensemble.hasQuorum || server.tree.zxid < this.#zxid;
      if (refuses) return this.closeByServer('disconnected');
      // A follower needs a round trip to ask the leader for the session.
      const wayMs = server === ensemble.leader ? 0 : network.latency() * 2;
      network.options.clock.after(wayMs, () => {
        if (!ensemble.hasQuorum || !server.isUp) return this.closeByServer('disconnected');
        this.#attach(id, options.timeoutMs, onConnected);
      });
    });
  }

  #attach(id: bigint | undefined, timeoutMs: number, onConnected: () => void) {
    if (this.#isClosed) return;
    const { ensemble } = this.network.options;
    const session = id === undefined ? ensemble.newSession(timeoutMs) : ensemble.sessions.get(id);
    if (!session?.isAlive) return this.closeByServer('expired');
    session.link?.closeByServer('disconnected');
    session.link = this;
    this.#session = session;
    ensemble.touch(session.id);
    this.#server.links.add(this);
    this.#toClient(() => {
      this.#isAnswered = true;
      onConnected();
    });
  }

  #fifo(lastAt: number): number {
    const { clock } = this.network.options;
    const at = Math.max(lastAt, clock.now + this.network.latency());
    return Math.max(at, this.network.silentUntil);
  }

  #toServer(action: () => void): void {
    const { clock } = this.network.options;
    this.#toServerAt = this.#fifo(this.#toServerAt);
    clock.at(this.#toServerAt, () => {
      if (!this.#isClosed) action();
    });
  }

  #toClient(action: () => void): void {
    const { clock, process } = this.network.options;
    this.#toClientAt = this.#fifo(this.#toClientAt);
    const arrive = () => {
      // A silence that began after it was sent delays it too.
      const { silentUntil } = this.network;
      if (silentUntil > clock.now) clock.at(silentUntil, arrive);
      else
        clock.after(
          0,
          () => {
            if (!this.#isGone) action();
          },
          process,
        );
    };
    clock.at(this.#toClientAt, arrive);
  }

  /** The server ends or refuses the connection; the process learns of it later. */
  closeByServer(why: Lost): void {
    if (this.#isClosed) return;
    this.#closeServerEnd();
    this.#toClient(() => this.lose(why));
  }

  #closeServerEnd(): void {
    this.#isClosed = true;
    this.#server.links.delete(this);
    this.#watches.clear();
    this.writesUnderWay = 0;
    if (this.#session?.link === this) this.#session.link = undefined;
  }

  identity(): Identity {
    const id = this.#session?.id ?? 0n;
    const password = Buffer.alloc(0);
    const timeoutMs = this.#session?.timeoutMs ?? 0;
    return { id: zxidBuffer(id), password, timeoutMs, zxid: this.zxid() };
  }

  /** Whether it is connected and no message delayed by a silence is still under way. */
  get isFlowing(): boolean {
    const { now } = this.network.options.clock;
    const isUp = this.#isAnswered && !this.#isGone && !this.#isClosed;
    return isUp && Math.max(this.#toServerAt, this.#toClientAt) < now + FLOWING_MS;
  }

  zxid(): Buffer {
    return zxidBuffer(this.#zxid);
  }

  /** The session, or the one that it asks to resume. */
  get sessionId(): bigint | undefined {
    return this.#session?.id ?? this.#asked;
  }

  call(request: Request, timeoutMs: number, onSilent: () => void): Promise<Result<unknown>> {
    return new Promise((resolve) => {
      if (this.#isGone) return resolve({ ok: false, error: 'not_connected' });
      const { clock, process } = this.network.options;
      const end = (result: Result<unknown>) => {
        clearTimeout(timer);
        this.#pending.delete(fail);
        resolve(result);
      };
      const fail = (error: Failure) => end({ ok: false, error });
      const timer = setTimeout(() => {
        // Like the real one: checks first what has arrived.
        clock.after(
          0,
          () => {
            if (!this.#pending.has(fail)) return;
            fail('timed_out');
            onSilent();
          },
          process,
        );
      }, timeoutMs);
      this.#pending.add(fail);
      request(this.#client, (error, value) => {
        if (error) fail(error as Failure);
        else end({ ok: true, value });
      });
    });
  }

  lose(why: Lost): void {
    if (this.#isGone) return;
    this.abandon();
    this.#onLost(why);
  }

  abandon(): void {
    this.#isGone = true;
    // Messages under way still arrive; the end of the connection follows directly.
    this.#toServer(() => this.#closeServerEnd());
    for (const fail of this.#pending) fail('connection_loss');
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 1_000);
      this.#enqueue(true, (done) => {
        const { ensemble } = this.network.options;
        if (this.#session && this.#session.link === this) {
          this.#session.link = undefined;
          ensemble.end(this.#session);
        }
        done(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    });
    this.abandon();
  }

  /** The requests of a connection are served one after the other. */
  #enqueue(isWrite: boolean, serve: Call['serve']): void {
    if (isWrite) this.writesUnderWay++;
    this.#toServer(() => {
      if (this.#session) {
        const { ensemble } = this.network.options;
        if (this.#server === ensemble.leader) ensemble.touch(this.#session.id);
        else this.#server.touched.add(this.#session.id);
      }
      this.#queue.push({ serve, isWrite });
      this.#serveNext();
    });
  }

  #serveNext(): void {
    if (this.#isServing || this.#isClosed) return;
    const call = this.#queue.shift();
    if (!call) return;
    this.#isServing = true;
    call.serve((answer) => {
      this.#isServing = false;
      if (call.isWrite) this.writesUnderWay--;
      if (this.#isClosed) return;
      const { zxid } = this.#server.tree;
      this.#toClient(() => {
        this.#zxid = zxid;
        answer();
      });
      this.#serveNext();
    });
  }

  #write(writes: readonly Write[], callback: (written: Written) => void) {
    const { clock, ensemble } = this.network.options;
    this.#enqueue(true, (done) => {
      const server = this.#server;
      const judge = () => {
        const session = this.#session;
        // Without a leader, or after the session has moved, this server does not answer.
        if (!ensemble.hasQuorum || server.isLonely || session?.link !== this) return;
        const written = ensemble.write(session, writes);
        const answer = () => done(() => callback(written));
        if (server.tree.zxid >= written.zxid) answer();
        else server.waiting.push({ zxid: written.zxid, done: answer });
      };
      if (server === ensemble.leader) judge();
      else clock.after(this.network.latency(), judge);
    });
  }

  #read(
    path: string,
    kind: 'data' | 'children',
    watcher: (() => void) | undefined,
    answer: (node?: ZNode) => void,
  ) {
    this.#enqueue(false, (done) => {
      const found = this.#server.tree.nodes.get(path);
      const node = found && { ...found, children: new Set(found.children) };
      if (watcher) this.#watch(kind, path, watcher);
      done(() => {
        answer(node);
      });
    });
  }

  #watch(kind: 'data' | 'children', path: string, watcher: () => void): void {
    const key = `${kind} ${path}`;
    const watchers = this.#watches.get(key) ?? new Set();
    watchers.add(watcher);
    this.#watches.set(key, watchers);
  }

  forget(path: string, watcher: () => void): void {
    for (const kind of ['data', 'children']) this.#watches.get(`${kind} ${path}`)?.delete(watcher);
  }

  /** This connection's server has applied a change. */
  changed({ op, path }: Change): void {
    this.#fire(`data ${path}`);
    if (op !== 'set') this.#fire(`children ${parentOf(path)}`);
    if (op === 'delete') this.#fire(`children ${path}`);
  }

  #fire(key: string): void {
    const watchers = this.#watches.get(key);
    if (!watchers) return;
    this.#watches.delete(key);
    const handlers = [...watchers];
    for (let copies = this.network.eventCopies(); copies > 0; copies--) {
      this.#toClient(() => {
        for (const handler of handlers) handler();
      });
    }
  }
}
