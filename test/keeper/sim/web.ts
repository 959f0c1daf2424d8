import { NodeAgent } from '../../../server/quota/agent.ts';
import { type Clock, SimProcess } from './clock.ts';
import { connectThrough } from './link.ts';
import { Network, type NetworkOptions } from './network.ts';
import type { Random } from './random.ts';
import type { Shop, SimRequest } from './shop.ts';
import type { ZNode } from './zookeeper.ts';

/**
 * A simulated web node: the real agent, asked to draw, and what the server does with drawn units.
 */

export const SESSION_TIMEOUT_MS = 1_000;
const ENVELOPE_WAIT_MS = 2;
const LOOKUP_MS = 400;

export interface WebOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly shop: Shop;
  readonly root: string;
  readonly network: Omit<NetworkOptions, 'process' | 'onRead'>;
  readonly newId: () => string;
  readonly note: (text: string) => void;
}

export class WebNode {
  readonly process: SimProcess;
  readonly network: Network;
  agent!: NodeAgent;
  /** By path, the newest transaction of each grant that the process received. */
  readonly seen = new Map<string, bigint>();
  isBrokerRefusing = false;
  isFaulty = true;
  isLeaving = false;
  #options: WebOptions;
  #requests = new Set<SimRequest>();
  #counters: ReadonlyMap<string, { grant: number; admitted: number }> | undefined;
  #nextRequest = 0;

  constructor(options: WebOptions) {
    this.#options = options;
    this.process = new SimProcess(options.name);
    const onRead = (path: string, node: ZNode | undefined) => {
      if (node && node.modified > (this.seen.get(path) ?? -1n)) this.seen.set(path, node.modified);
    };
    this.network = new Network({ ...options.network, process: this.process, onRead });
  }

  start(): Promise<void> {
    const { clock, root, network, newId, name } = this.#options;
    return clock.as(this.process, () => {
      this.agent = new NodeAgent({
        session: {
          servers: network.ensemble.addresses,
          sessionTimeoutMs: SESSION_TIMEOUT_MS,
          rereadsMax: Number.POSITIVE_INFINITY,
          connect: connectThrough(this.network),
          now: () => performance.now(),
        },
        root,
        nodePrefix: name,
        newId,
      });
    });
  }

  get isRunning(): boolean {
    return this.process.state === 'running';
  }

  /** Grant and admitted units at the last action of the process. */
  counters(sku: string): { readonly grant: number; readonly admitted: number } | undefined {
    this.#counters ??= new Map(this.agent.grants().map((grant) => [grant.sku, grant]));
    return this.#counters.get(sku);
  }

  /** Called after each action of the process. */
  stir(): void {
    this.#counters = undefined;
  }

  /** A purchase request arrives. */
  ask(sku: string, units: number, acceptFewer = false): void {
    const { clock } = this.#options;
    if (this.process.state === 'dead' || this.isLeaving) return;
    clock.after(0, () => this.#purchase(sku, units, acceptFewer), this.process);
  }

  #purchase(sku: string, wanted: number, acceptFewer: boolean): void {
    const { clock, random, shop, note } = this.#options;
    if (this.isLeaving || this.agent.switches.state(sku) !== 'open') return;
    const draw = this.agent.draw(sku, wanted, acceptFewer ? 1 : wanted);
    if (!draw.drawn) return;
    const { units } = draw;
    const id = this.#nextRequest++;
    const request: SimRequest = {
      id,
      sku,
      units,
      acceptFewer,
      ordered: 0,
      node: draw.node,
      state: 'drawn',
      tell: () => this.#hear(request),
    };
    note(`${draw.node} draws ${units} of ${sku}`);
    this.#requests.add(request);
    shop.drawn(request);
    clock.after(random.between(0, ENVELOPE_WAIT_MS), () => this.#publish(request), this.process);
  }

  #publish(request: SimRequest): unknown {
    const { clock, random, shop, note } = this.#options;
    const { node, sku, units } = request;
    const isRefused = this.isBrokerRefusing || (this.isFaulty && random.chance(0.03));
    if (!this.agent.trusted(node)) return this.#refund(request);
    if (isRefused) {
      return clock.after(random.between(1, 40), () => this.#refund(request), this.process);
    }
    const isLate = this.isFaulty && random.chance(0.02);
    note(`${node} publishes ${units} of ${sku}${isLate ? ', slowly' : ''}`);
    this.#requests.delete(request);
    shop.publish(request, isLate ? random.between(50, 4_000) : random.between(0.3, 8));
  }

  #refund(request: SimRequest): void {
    const { shop, note } = this.#options;
    note(`${request.node} gives ${request.units} of ${request.sku} back`);
    this.#requests.delete(request);
    shop.gone(request);
    this.agent.refund(request.node, request.sku, request.units);
  }

  #hear(request: SimRequest): void {
    const { clock, random } = this.#options;
    const isLost = this.isFaulty && random.chance(0.03);
    const delayMs = isLost ? LOOKUP_MS : random.between(0.3, 12);
    const decide = () => this.agent.decide(request.node, request.sku, request.units);
    clock.after(delayMs, decide, this.process);
  }

  /** Kills the process: units that it drew and did not publish are lost with it. */
  kill(): void {
    this.#options.clock.kill(this.process);
    for (const request of this.#requests) this.#options.shop.gone(request);
    this.#requests.clear();
  }

  /** Ends cleanly as on SIGTERM: no more requests, publishes confirmed, then the agent closes. */
  leave(): void {
    if (this.isLeaving) return;
    this.isLeaving = true;
    this.#options.clock.after(ENVELOPE_WAIT_MS * 30, () => void this.agent.close(), this.process);
  }
}
