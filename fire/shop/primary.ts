import { setTimeout as delay } from 'node:timers/promises';
import { postgresFolder, postgresUser } from '../../ops/stack/native.ts';
import { type PatroniCluster, patroniUrl, preparePatroni } from '../../ops/stack/patroni.ts';
import { membersIn, PatroniMembers } from '../../ops/stack/patroni-members.ts';
import { findPatroni, findPostgres, type Machine } from '../../ops/stack/programs.ts';
import type { Progress } from '../../ops/stack/progress.ts';
import type { Supervisor } from '../../ops/stack/supervisor.ts';

/**
 * PostgreSQL with two standbys under Patroni, as one server that can be broken: what is killed or frozen is
 * the member that leads at that moment.
 */

const NAMES = ['postgres-1', 'postgres-2', 'postgres-3'] as const;
const WHOLE_WAIT_MS = 120_000;
const POLL_MS = 200;

export interface StandbyOptions {
  readonly folder: string;
  readonly logFolder: string;
  /** Patroni keeps in it who leads. */
  readonly zookeeper: string;
  readonly password: string;
  readonly sharedBuffersMb: number;
  readonly machine: Machine;
  readonly progress: Progress;
  readonly supervisor: Supervisor;
}

export class Primary {
  readonly #members: PatroniMembers;
  readonly #cluster: PatroniCluster;
  #frozen: string[] = [];

  private constructor(members: PatroniMembers, cluster: PatroniCluster) {
    this.#members = members;
    this.#cluster = cluster;
  }

  /** Resolves when both standbys hold each COMMIT. */
  static async start(options: StandbyOptions): Promise<Primary> {
    const { machine, logFolder, zookeeper, password, sharedBuffersMb } = options;
    const user = postgresUser();
    const folder = postgresFolder(options, user);
    const members = await membersIn(folder, logFolder, NAMES);
    const cluster: PatroniCluster = {
      ...{ scope: 'fire', members, zookeeper, password, user, sharedBuffersMb },
    };
    const programs = { patroni: findPatroni(machine), postgres: findPostgres(machine) };
    const specs = preparePatroni(cluster, programs);
    const primary = new Primary(new PatroniMembers(cluster, specs, options.supervisor), cluster);
    try {
      await primary.#members.startAll();
      await primary.whole();
    } catch (error) {
      await primary.end();
      throw error;
    }
    return primary;
  }

  /** The URL with all members as hosts. */
  get url(): string {
    return patroniUrl(this.#cluster);
  }

  /**
   * The member that leads. Two of three may not be lost: what one standby alone has is never promoted.
   *
   * @throws {Error} while no member leads or a standby is missing
   */
  async #leader(): Promise<string> {
    if (!(await this.#members.areWhole().catch(() => false)))
      throw new Error('a standby is missing');
    const leader = await this.#members.leader();
    if (leader === undefined) throw new Error('no member leads');
    return leader;
  }

  /** Resolves when all members but one are standbys that hold each COMMIT. @throws {Error} if that takes too long */
  async whole(): Promise<void> {
    const startedMs = performance.now();
    while (!(await this.#members.areWhole().catch(() => false))) {
      if (performance.now() - startedMs > WHOLE_WAIT_MS) throw new Error('a standby is missing');
      await delay(POLL_MS);
    }
  }

  async kill(): Promise<void> {
    await this.#members.kill(await this.#leader());
  }

  /** Starts what was killed. */
  start(): Promise<void> {
    return this.#members.startAll();
  }

  async freeze(): Promise<void> {
    this.#freeze(await this.#leader());
  }

  async freezeStandby(): Promise<void> {
    const leader = await this.#leader();
    this.#freeze(NAMES.find((name) => name !== leader) as string);
  }

  #freeze(name: string): void {
    this.#frozen.push(name);
    this.#members.signal(name, 'SIGSTOP');
  }

  thaw(): void {
    for (const name of this.#frozen.splice(0)) this.#members.signal(name, 'SIGCONT');
  }

  async switchOver(): Promise<void> {
    await this.#members.switchOver(await this.#leader());
  }

  end(): Promise<void> {
    return this.#members.end();
  }
}
