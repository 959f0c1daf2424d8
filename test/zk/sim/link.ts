import type {
  Client,
  ClientStat,
  Connect,
  Identity,
  Link,
  LinkOptions,
  Lost,
  Request,
} from '../../../zk/connection.ts';
import { CREATE_MODES } from '../../../zk/connection.ts';
import type { Failure, Result } from '../../../zk/result.ts';
import type { Clock, SimProcess } from './clock.ts';
import type { Random } from './random.ts';
import {
  type Change,
  type Ensemble,
  parentOf,
  type Server,
  type Session,
  type Write,
  type Written,
  type ZNode,
} from './zookeeper.ts';

/** One connection of a simulated process to a simulated server: ordered, slow, and mortal. */

export interface NetworkOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly ensemble: Ensemble;
  readonly process: SimProcess;
  /** Share of messages that take up to `slowMs`. */
  readonly slowShare: number;
  readonly slowMs: number;
  /** Shares of watch events that never come, or come twice. */
  readonly lostEvents: number;
  readonly doubledEvents: number;
  /** Told of each value that is handed to the process. */
  readonly onRead: (path: string, node: ZNode | undefined) => void;
}

const FLOWING_MS = 5;

type Callback = (error: unknown, ...values: unknown[]) => void;
type Kind = 'data' | 'children';

interface Call {
  readonly serve: (done: (answer: () => void) => void) => void;
  readonly isWrite: boolean;
}

/** What one process shares among its connections. */
export class Network {
  readonly options: NetworkOptions;
  link: SimLink | undefined;
  /** Nothing passes, nothing breaks. */
  silentUntil = 0;
  #faults: { slow: number; lost: number; doubled: number };

  constructor(options: NetworkOptions) {
    this.options = options;
    const { slowShare, lostEvents, doubledEvents } = options;
    this.#faults = { slow: slowShare, lost: lostEvents, doubled: doubledEvents };
  }

  /** From now on messages are as quick as they are on a good day, and none is lost. */
  heal(): void {
    this.silentUntil = 0;
    this.#faults = { slow: 0, lost: 0, doubled: 0 };
  }

  get connect(): Connect {
    return (options, onConnected, onLost) => {
      this.link = new SimLink(this, options, onConnected, onLost);
      return this.link;
    };
  }

  latency(): number {
    const { random, slowMs } = this.options;
    return random.chance(this.#faults.slow) ? random.between(5, slowMs) : random.between(0.1, 1.5);
  }

  eventCopies(): number {
    const { random } = this.options;
    if (random.chance(this.#faults.lost)) return 0;
    return random.chance(this.#faults.doubled) ? 2 : 1;
  }
}

function zxidBuffer(zxid: bigint): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64BE(zxid);
  return buffer;
}

function statOf(node: ZNode): ClientStat {
  return {
    version: node.version,
    czxid: zxidBuffer(node.created),
    mzxid: zxidBuffer(node.modified),
    ephemeralOwner: zxidBuffer(node.owner),
    numChildren: node.children.size,
  } as unknown as ClientStat;
}

class SimLink implements Link {
  readonly openedAt = performance.now();
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
  /** Watches as the server knows them, and their handlers as the client does. */
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
    this.#client = this.#makeClient();
    const id = options.identity?.id.readBigInt64BE();
    this.#asked = id;
    this.#toServer(() => {
      const server = this.#server;
      const refuses =
        !server.isUp || server.isLonely || !ensemble.hasQuorum || server.tree.zxid < this.#zxid;
      if (refuses) return this.closeByServer('disconnected');
      // Asking the leader for the session takes a way there and back from a follower.
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
      // Silence that began after it was sent holds it back too.
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

  /** The server ends it, or refuses it; the process hears of it later. */
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

  /** Connected, and nothing that was held back by a silence is still on its way. */
  get isFlowing(): boolean {
    const { now } = this.network.options.clock;
    const isUp = this.#isAnswered && !this.#isGone && !this.#isClosed;
    return isUp && Math.max(this.#toServerAt, this.#toClientAt) < now + FLOWING_MS;
  }

  zxid(): Buffer {
    return zxidBuffer(this.#zxid);
  }

  /** The session, or the one that it asks to go on with. */
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
        // Like the real one: what has arrived is looked at first.
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
    // What is under way still arrives; the end of the connection right behind it.
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

  /** Requests of a connection are served one after the other. */
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
        // No leader, or a session that has moved on: no answer from here.
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
    kind: Kind,
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

  #watch(kind: Kind, path: string, watcher: () => void): void {
    const key = `${kind} ${path}`;
    const watchers = this.#watches.get(key) ?? new Set();
    watchers.add(watcher);
    this.#watches.set(key, watchers);
  }

  /** A change was applied by this connection's server. */
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

  /** What `zk/requests.ts` calls, in the words of node-zookeeper-client. */
  #makeClient(): Client {
    const optional = (rest: unknown[]) =>
      (rest.length === 2 ? rest : [undefined, rest[0]]) as [(() => void) | undefined, Callback];
    return {
      getData: (path: string, ...rest: unknown[]) => {
        const [watcher, callback] = optional(rest);
        this.#read(path, 'data', watcher, (node) => {
          this.network.options.onRead(path, node);
          if (!node) callback('no_node');
          else callback(undefined, Buffer.from(node.text), statOf(node));
        });
      },
      exists: (path: string, ...rest: unknown[]) => {
        const [watcher, callback] = optional(rest);
        this.#read(path, 'data', watcher, (node) =>
          callback(undefined, node ? statOf(node) : null),
        );
      },
      getChildren: (path: string, ...rest: unknown[]) => {
        const [watcher, callback] = optional(rest);
        this.#read(path, 'children', watcher, (node) => {
          const names = [...(node?.children ?? [])].map((child) =>
            child.slice(child.lastIndexOf('/') + 1),
          );
          if (node) callback(undefined, names);
          else callback('no_node');
        });
      },
      setData: (path: string, data: Buffer, version: number, callback: Callback) => {
        this.#write([{ op: 'set', path, text: data.toString(), version }], (written) => {
          if (!written.ok) callback(written.error);
          else callback(undefined, written.node && statOf(written.node));
        });
      },
      create: (path: string, data: Buffer, _acl: unknown, mode: number, callback: Callback) => {
        const { EPHEMERAL, EPHEMERAL_SEQUENTIAL, PERSISTENT_SEQUENTIAL } = CREATE_MODES;
        const ephemeral = mode === EPHEMERAL || mode === EPHEMERAL_SEQUENTIAL;
        const sequential = mode === EPHEMERAL_SEQUENTIAL || mode === PERSISTENT_SEQUENTIAL;
        const write = { op: 'create', path, text: data.toString(), ephemeral, sequential } as const;
        this.#write([write], (written) => {
          if (written.ok) callback(undefined, written.paths[0]);
          else callback(written.error);
        });
      },
      remove: (path: string, version: number, callback: Callback) =>
        this.#write([{ op: 'delete', path, version }], (written) =>
          callback(written.ok ? undefined : written.error),
        ),
      transaction: () => this.#transaction(),
    } as unknown as Client;
  }

  /** `zk/requests.ts` puts versions and ACLs into `ops` by itself. */
  #transaction() {
    const ops: (Write & { acls?: unknown })[] = [];
    return {
      ops,
      check: (path: string, version: number) => ops.push({ op: 'check', path, version }),
      setData: (path: string, data: Buffer, version: number) =>
        ops.push({ op: 'set', path, text: data.toString(), version }),
      remove: (path: string, version: number) => ops.push({ op: 'delete', path, version }),
      create: (path: string, data: Buffer, mode: number) => {
        const ephemeral = mode === CREATE_MODES.EPHEMERAL;
        const sequential = mode === CREATE_MODES.PERSISTENT_SEQUENTIAL;
        ops.push({ op: 'create', path, text: data.toString(), ephemeral, sequential });
      },
      commit: (callback: Callback) =>
        this.#write(ops, (written) => callback(written.ok ? undefined : written.error)),
    };
  }
}
