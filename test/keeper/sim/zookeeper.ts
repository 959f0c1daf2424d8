import type { Clock } from './clock.ts';
import type { Random } from './random.ts';

/**
 * A model of a ZooKeeper ensemble: one history of transactions, servers that apply it late, and
 * sessions that end when the leader has not heard of them. The control plane relies on these
 * properties: a write is answered when it is in the history; a read may be old, but never older
 * than what the same connection has seen; the leader decides when a session ends, based on the
 * lists of live sessions that followers send every half tick.
 */

export interface ZNode {
  text: string;
  version: number;
  readonly created: bigint;
  modified: bigint;
  readonly owner: bigint;
  readonly children: Set<string>;
  /** Counter for the names of sequential children. */
  made: number;
}

export type Change =
  | { readonly op: 'create'; readonly path: string; readonly text: string; readonly owner: bigint }
  | { readonly op: 'set'; readonly path: string; readonly text: string }
  | { readonly op: 'delete'; readonly path: string };

export type Write =
  | { op: 'check'; path: string; version: number }
  | { op: 'set'; path: string; text: string; version: number }
  | { op: 'delete'; path: string; version: number }
  | { op: 'create'; path: string; text: string; ephemeral: boolean; sequential: boolean };

export type Refusal = 'no_node' | 'node_exists' | 'bad_version' | 'not_empty' | 'session_expired';

export type Written =
  | {
      readonly ok: true;
      readonly zxid: bigint;
      readonly paths: readonly string[];
      /** The node of the last operation after it. */
      readonly node: ZNode | undefined;
    }
  | { readonly ok: false; readonly error: Refusal; readonly zxid: bigint };

export interface Session {
  readonly id: bigint;
  readonly timeoutMs: number;
  touchedAt: number;
  isAlive: boolean;
  /** Requests of an older connection are refused, because the session has moved. */
  link: ClientLink | undefined;
}

const TICK_MS = 500;
/** How long a follower that lost its leader keeps answering reads. */
const LONELY_MS = 2_000;

export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

class Tree {
  readonly nodes = new Map<string, ZNode>();
  zxid = 0n;

  constructor() {
    this.nodes.set('/', newNode('', 0n, 0n));
  }

  apply(zxid: bigint, changes: readonly Change[]): void {
    this.zxid = zxid;
    for (const change of changes) {
      const { path } = change;
      const parent = this.nodes.get(parentOf(path));
      const node = this.nodes.get(path);
      if (change.op === 'create') {
        this.nodes.set(path, newNode(change.text, zxid, change.owner));
        if (parent) {
          parent.children.add(path);
          parent.made++;
        }
      } else if (change.op === 'set' && node) {
        node.text = change.text;
        node.version++;
        node.modified = zxid;
      } else if (change.op === 'delete') {
        this.nodes.delete(path);
        parent?.children.delete(path);
      }
    }
  }
}

function newNode(text: string, zxid: bigint, owner: bigint): ZNode {
  const children = new Set<string>();
  return { text, version: 0, created: zxid, modified: zxid, owner, children, made: 0 };
}

/** A client's connection at its server. */
interface ClientLink {
  changed(change: Change): void;
  closeByServer(why: 'disconnected' | 'expired'): void;
}

export class Server {
  readonly tree = new Tree();
  readonly links = new Set<ClientLink>();
  readonly touched = new Set<bigint>();
  readonly waiting: { readonly zxid: bigint; readonly done: () => void }[] = [];
  isUp = true;
  /** Whether this follower has lost its leader. */
  isLonely = false;
  /** Time when the transactions sent so far have arrived. */
  lastApplyAt = 0;
  /** Transactions that it missed while it was down or without its leader. */
  readonly missed: { zxid: bigint; changes: readonly Change[] }[] = [];
}

export class Ensemble {
  readonly servers: readonly Server[];
  readonly sessions = new Map<bigint, Session>();
  /** Called after each transaction. */
  onChange: (changes: readonly Change[], zxid: bigint) => void = () => {};
  hasQuorum = true;
  #clock: Clock;
  #random: Random;
  #nextSession = 1n;

  constructor(clock: Clock, random: Random, servers: number) {
    this.#clock = clock;
    this.#random = random;
    this.servers = Array.from({ length: servers }, () => new Server());
    if (servers > 1) clock.after(TICK_MS / 2, () => this.#handInTouched());
  }

  get leader(): Server {
    return this.servers[0] as Server;
  }

  get isWhole(): boolean {
    return this.hasQuorum && this.servers.every(({ isUp, isLonely }) => isUp && !isLonely);
  }

  get addresses(): string {
    return this.servers.map((_, index) => `server:${index}`).join(',');
  }

  node(path: string): ZNode | undefined {
    return this.leader.tree.nodes.get(path);
  }

  #handInTouched(): void {
    for (const server of this.servers) {
      if (server === this.leader || server.isLonely || !server.isUp) continue;
      const touched = [...server.touched];
      server.touched.clear();
      this.#clock.after(this.#random.between(0.1, 2), () => {
        for (const id of touched) this.touch(id);
      });
    }
    this.#clock.after(TICK_MS / 2, () => this.#handInTouched());
  }

  newSession(timeoutMs: number): Session {
    const id = this.#nextSession++;
    const session: Session = {
      id,
      timeoutMs,
      touchedAt: this.#clock.now,
      isAlive: true,
      link: undefined,
    };
    this.sessions.set(id, session);
    this.#expireLater(session);
    return session;
  }

  touch(id: bigint): void {
    const session = this.sessions.get(id);
    if (session?.isAlive) session.touchedAt = this.#clock.now;
  }

  #expireLater(session: Session): void {
    const restMs = session.touchedAt + session.timeoutMs - this.#clock.now;
    // At the earliest time that the session timeout allows, which is the hardest case.
    this.#clock.after(restMs + 0.01, () => {
      if (!session.isAlive) return;
      const isOver = this.#clock.now > session.touchedAt + session.timeoutMs;
      if (isOver && this.hasQuorum) this.end(session);
      else if (isOver) {
        // A newly elected leader gives every session its whole timeout again.
        session.touchedAt = this.#clock.now;
        this.#expireLater(session);
      } else this.#expireLater(session);
    });
  }

  end(session: Session): void {
    if (!session.isAlive) return;
    session.isAlive = false;
    const own = [...this.leader.tree.nodes].filter(([, node]) => node.owner === session.id);
    this.#commit(own.map(([path]) => ({ op: 'delete', path }) as const));
    session.link?.closeByServer('expired');
  }

  /** An edit of an operator. */
  type(path: string, text: string | undefined): void {
    if (!this.hasQuorum) {
      this.#clock.after(TICK_MS / 10, () => this.type(path, text));
      return;
    }
    if (text === undefined) {
      if (this.node(path)) this.#commit([{ op: 'delete', path }]);
      return;
    }
    const changes: Change[] = [];
    const missing: string[] = [];
    for (let at = parentOf(path); !this.node(at); at = parentOf(at)) missing.unshift(at);
    for (const at of missing) changes.push({ op: 'create', path: at, text: '', owner: 0n });
    if (this.node(path)) changes.push({ op: 'set', path, text });
    else changes.push({ op: 'create', path, text, owner: 0n });
    this.#commit(changes);
  }

  /** A transaction of a session, checked by the leader against the newest state. */
  write(session: Session, writes: readonly Write[]): Written {
    const { tree } = this.leader;
    if (!session.isAlive) return { ok: false, error: 'session_expired', zxid: tree.zxid };
    const changes: Change[] = [];
    const paths: string[] = [];
    const made = new Set<string>();
    for (const write of writes) {
      const refused = this.#judge(session, write, changes, paths, made);
      if (refused) return { ok: false, error: refused, zxid: tree.zxid };
    }
    if (changes.length > 0) this.#commit(changes);
    const left = this.node(writes.at(-1)?.path ?? '');
    return { ok: true, zxid: tree.zxid, paths, node: left && { ...left } };
  }

  #judge(
    session: Session,
    write: Write,
    changes: Change[],
    paths: string[],
    made: Set<string>,
  ): Refusal | undefined {
    const node = this.node(write.path);
    if (write.op === 'create') {
      const parent = this.node(parentOf(write.path));
      if (!parent && !made.has(parentOf(write.path))) return 'no_node';
      const number = String(parent?.made ?? 0).padStart(10, '0');
      const path = write.sequential ? write.path + number : write.path;
      if (this.node(path) || made.has(path)) return 'node_exists';
      made.add(path);
      paths.push(path);
      const owner = write.ephemeral ? session.id : 0n;
      changes.push({ op: 'create', path, text: write.text, owner });
      return undefined;
    }
    if (!node) return 'no_node';
    if (write.version !== -1 && write.version !== node.version) return 'bad_version';
    if (write.op === 'delete' && node.children.size > 0) return 'not_empty';
    if (write.op === 'set') changes.push({ op: 'set', path: write.path, text: write.text });
    if (write.op === 'delete') changes.push({ op: 'delete', path: write.path });
    return undefined;
  }

  #commit(changes: readonly Change[]): void {
    const zxid = this.leader.tree.zxid + 1n;
    this.#apply(this.leader, zxid, changes);
    for (const server of this.servers) {
      if (server === this.leader) continue;
      if (server.isLonely || !server.isUp) server.missed.push({ zxid, changes });
      else this.#replicate(server, zxid, changes);
    }
    this.onChange(changes, zxid);
  }

  #replicate(server: Server, zxid: bigint, changes: readonly Change[]): void {
    const lagMs = this.#random.chance(0.03)
      ? this.#random.between(5, 120)
      : this.#random.between(0.1, 2);
    const at = Math.max(server.lastApplyAt, this.#clock.now + lagMs);
    server.lastApplyAt = at;
    this.#clock.at(at, () => this.#apply(server, zxid, changes));
  }

  #apply(server: Server, zxid: bigint, changes: readonly Change[]): void {
    server.tree.apply(zxid, changes);
    for (const change of changes) {
      for (const link of server.links) link.changed(change);
    }
    while (server.waiting[0] && server.waiting[0].zxid <= zxid) server.waiting.shift()?.done();
  }

  /** Ends every connection of a server for a while. */
  takeDown(index: number, forMs: number): void {
    const server = this.servers[index % this.servers.length] as Server;
    // When the leader ends there is an election: everything pauses, then the sessions continue.
    if (server === this.leader) {
      this.stopAll(forMs);
      return;
    }
    server.isUp = false;
    this.#drop(server);
    this.#clock.after(forMs, () => this.#bringBack(server));
  }

  /** A follower loses its leader: it keeps answering reads until it notices. */
  isolate(index: number, forMs: number): void {
    if (this.servers.length === 1) return;
    const server = this.servers[1 + (index % (this.servers.length - 1))] as Server;
    if (server.isLonely || !server.isUp) return;
    server.isLonely = true;
    this.#clock.after(Math.min(forMs, LONELY_MS), () => this.#drop(server));
    this.#clock.after(forMs, () => this.#bringBack(server));
  }

  #bringBack(server: Server): void {
    server.isUp = true;
    server.isLonely = false;
    for (const { zxid, changes } of server.missed.splice(0)) this.#replicate(server, zxid, changes);
  }

  /**
   * There is no majority: nothing is written and no session ends. Afterwards each session has its
   * whole timeout.
   */
  stopAll(forMs: number): void {
    if (!this.hasQuorum) return;
    this.hasQuorum = false;
    for (const server of this.servers) this.#drop(server);
    this.#clock.after(forMs, () => {
      this.hasQuorum = true;
      for (const session of this.sessions.values()) {
        if (session.isAlive) session.touchedAt = this.#clock.now;
      }
    });
  }

  #drop(server: Server): void {
    for (const link of [...server.links]) link.closeByServer('disconnected');
    server.waiting.length = 0;
  }
}
