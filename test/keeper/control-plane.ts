import { expect } from 'vitest';
import type { ZookeeperRole } from '../../contracts/config.ts';
import type { UnitCount } from '../../keeper/figures.ts';
import { Keeper } from '../../keeper/keeper.ts';
import { NodeAgent } from '../../server/quota/agent.ts';
import { type SessionOptions, ZkSession } from '../../zk/client/session.ts';
import { pathsBelow } from '../../zk/tree/paths.ts';
import { servers, uniqueZkRoot } from '../servers.ts';
import { until } from '../until.ts';
import type { Credentials } from '../zk/credentials.ts';
import { type ChildNode, startChildNode } from './child-node.ts';

/** Keepers, web nodes and an operator on one real ZooKeeper, with unit counts from memory. */

/**
 * Long enough for a machine that stalls for a second: these tests are not about sessions or trust
 * that end because of that.
 */
export const SESSION_TIMEOUT_MS = 8_000;
const quiet = { info: () => {}, warn: () => {}, error: () => {} };

export class ControlPlane {
  readonly root = uniqueZkRoot();
  readonly paths = pathsBelow(this.root);
  /** The operator, with the rights of `zkCli.sh`. */
  readonly operator: ZkSession;
  /** Units by SKU, as the database would count them. */
  readonly units = new Map<string, { total: number; held: number }>();
  /** SKUs whose home is away. */
  readonly away = new Set<string>();
  /** Settled nodes, in order. */
  readonly settled: string[] = [];
  /** Settles a node; a test may delay it or make it fail. */
  settle: (node: string) => Promise<void> = async () => {};
  /** The waitlists as the keeper last set them. */
  waitlists: { readonly open: readonly string[]; readonly closed: readonly string[] } = {
    open: [],
    closed: [],
  };
  /** Makes the database refuse calls. */
  isDatabaseDown = false;
  /** Makes the database not answer. */
  isDatabaseFrozen = false;
  /** Warnings of the keepers. */
  readonly warnings: string[] = [];
  #open = new Set<{ close(): Promise<void> }>();

  readonly #servers: string;
  readonly #credentials: Credentials | undefined;

  private constructor(addresses: string, credentials: Credentials | undefined) {
    this.#servers = addresses;
    this.#credentials = credentials;
    this.operator = this.#keep(new ZkSession(this.#session(addresses, 'operator')));
  }

  /** @param credentials those of each role; without them the tree is open */
  static async start(
    addresses = servers.zookeeper,
    credentials?: Credentials,
  ): Promise<ControlPlane> {
    const plane = new ControlPlane(addresses, credentials);
    plane.operator.start();
    await plane.operator.connected(300_000);
    return plane;
  }

  #session(address: string, role: ZookeeperRole) {
    const session = { servers: address, sessionTimeoutMs: SESSION_TIMEOUT_MS };
    return { ...session, protection: this.#credentials?.protectionOf(this.root, role) };
  }

  /** A session with the rights of a role; without a role, a session without credentials. */
  async session(role?: ZookeeperRole): Promise<ZkSession> {
    const { protection, ...anybody } = this.#session(this.#servers, role ?? 'operator');
    const session = this.#keep(new ZkSession(role ? { ...anybody, protection } : anybody));
    session.start();
    await session.connected(300_000);
    return session;
  }

  #keep<T extends { close(): Promise<void> }>(thing: T): T {
    this.#open.add(thing);
    return thing;
  }

  keeper(address = this.#servers, options: Partial<SessionOptions> = {}): Keeper {
    return this.#keep(
      new Keeper({
        session: { ...this.#session(address, 'keeper'), ...options },
        root: this.root,
        tickMs: 100,
        unitCounts: async () => {
          if (this.isDatabaseFrozen) await new Promise(() => {});
          return { counts: this.#counts(), isComplete: this.away.size === 0 };
        },
        homes: ['both'],
        beats: new Map(),
        setWaitlists: async (open, closed) => {
          this.waitlists = { open, closed };
        },
        settle: async (node) => {
          await this.settle(node);
          this.settled.push(node);
        },
        log: { ...quiet, warn: (_, message) => this.warnings.push(message) },
      }),
    );
  }

  #counts(): UnitCount[] {
    if (this.isDatabaseDown) throw new Error('the database is down');
    const there = [...this.units].filter(([sku]) => !this.away.has(sku));
    return there.map(([sku, { total, held }]) => ({ sku, unitsTotal: total, free: total - held }));
  }

  agent(address = this.#servers): NodeAgent {
    const session = this.#session(address, 'web');
    return this.#keep(new NodeAgent({ session, root: this.root, nodePrefix: 'web', log: quiet }));
  }

  /** Starts a web node in a separate process. */
  childNode(sku: string): ChildNode {
    return this.#keep(startChildNode(this.root, sku, SESSION_TIMEOUT_MS));
  }

  /** Adds a SKU with its units, quota and state. */
  async sell(sku: string, total: number, quota = total): Promise<void> {
    this.units.set(sku, { total, held: 0 });
    await this.write(this.paths.sku(sku).quota, String(quota));
    await this.write(this.paths.sku(sku).state, 'open');
  }

  /** Like an operator's `create` or `set`. */
  async write(path: string, text: string): Promise<void> {
    const made = await this.operator.ensure(path, text);
    const set = made.ok ? await this.operator.set(path, text, -1) : made;
    if (!set.ok) throw new Error(`${path}: ${set.error}`);
  }

  async remove(path: string): Promise<void> {
    const removed = await this.operator.delete(path);
    if (!removed.ok) throw new Error(`${path}: ${removed.error}`);
  }

  /** Like an operator's `deleteall`: reads the nodes first, then deletes them without a pause. */
  async removeAll(path: string): Promise<void> {
    const found = [path];
    for (const one of found) {
      const names = await this.operator.children(one);
      if (names.ok) found.push(...names.value.map((name) => `${one}/${name}`));
    }
    await Promise.all(found.reverse().map((one) => this.remove(one)));
  }

  async text(path: string): Promise<string | undefined> {
    const read = await this.operator.get(path);
    return read.ok ? read.value.text : undefined;
  }

  /** The edit error of a refused edit. */
  async editError(path: string): Promise<Record<string, unknown> | undefined> {
    const text = await this.text(this.paths.error(path));
    return text === undefined ? undefined : JSON.parse(text);
  }

  /** The database orders units that the node admitted, and the node learns of it. */
  order(agent: NodeAgent, node: string, sku: string, units: number): void {
    const counts = this.units.get(sku);
    if (counts) this.units.set(sku, { ...counts, held: counts.held + units });
    agent.decide(node, sku, units);
  }

  async close(): Promise<void> {
    for (const thing of [...this.#open].reverse()) await thing.close();
  }
}

/** Units of the SKU that the node may admit, cumulative; 0 when it has no grant. */
export function grantOf(agent: NodeAgent, sku: string): number {
  return agent.grants().find((grant) => grant.sku === sku)?.grant ?? 0;
}

/** The grants of the nodes for the SKU, ascending. */
export function grantsOf(sku: string, agents: readonly NodeAgent[]): number[] {
  return agents.map((agent) => grantOf(agent, sku)).sort((a, b) => a - b);
}

/** Waits until the nodes have these grants, in any order. */
export async function granted(
  sku: string,
  agents: readonly NodeAgent[],
  grants: readonly number[],
): Promise<void> {
  await until(
    `grants ${grants}`,
    () => {
      expect(grantsOf(sku, agents)).toEqual([...grants].sort((a, b) => a - b));
      return true;
    },
    { pollMs: 2 },
  );
}
