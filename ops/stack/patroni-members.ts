import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type PatroniCluster, type PatroniMember, postmasterPid } from './patroni.ts';
import { freePort, loopbackUrl } from './ports.ts';
import { signalFamily } from './process-family.ts';
import { endProcess, identify, isRunning, type ProcessIdentity } from './processes.ts';
import type { ProcessSpec, Supervisor } from './supervisor.ts';

/** The members of a cluster under Patroni that run here: finds the one that leads, and breaks them. */

const CONTACT_TIMEOUT_MS = 1_000;
const KILL_GRACE_MS = 60_000;

/** A member in the view of one that answers. */
interface MemberView {
  readonly name: string;
  /** `leader`, `sync_standby` or `replica` */
  readonly role: string;
  readonly state: string;
}

/** Members on free ports, each with a folder of its own. */
export async function membersIn(
  folder: string,
  logFolder: string,
  names: readonly string[],
): Promise<PatroniMember[]> {
  const members: PatroniMember[] = [];
  for (const name of names) {
    members.push({
      name,
      folder: join(folder, name),
      logFile: join(logFolder, `${name}.log`),
      port: await freePort(),
      restPort: await freePort(),
    });
  }
  return members;
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

export class PatroniMembers {
  readonly #members: readonly PatroniMember[];
  readonly #specs: readonly ProcessSpec[];
  readonly #supervisor: Supervisor;

  /** @param specs how to run the members, as `preparePatroni` returns them */
  constructor({ members }: PatroniCluster, specs: readonly ProcessSpec[], supervisor: Supervisor) {
    this.#members = members;
    this.#specs = specs;
    this.#supervisor = supervisor;
  }

  get names(): readonly string[] {
    return this.#members.map(({ name }) => name);
  }

  #at(name: string): number {
    const at = this.#members.findIndex((member) => member.name === name);
    if (at < 0) throw new Error(`there is no member ${name}`);
    return at;
  }

  member(name: string): PatroniMember {
    return this.#members[this.#at(name)] as PatroniMember;
  }

  /** Starts a member whose Patroni does not run, and waits until it is ready. */
  async start(name: string): Promise<void> {
    const spec = this.#specs[this.#at(name)] as ProcessSpec;
    if (this.#patroni(name) === undefined) await this.#supervisor.start(spec);
  }

  async startAll(): Promise<void> {
    await Promise.all(this.names.map((name) => this.start(name)));
  }

  #patroni(name: string): ProcessIdentity | undefined {
    const { name: process } = this.#specs[this.#at(name)] as ProcessSpec;
    const record = this.#supervisor.records().find((one) => one.name === process);
    return record && isRunning(record) ? record : undefined;
  }

  /** The server, which is no child of Patroni's. The number in an old pid file may be that of another process now. */
  #server(name: string): ProcessIdentity | undefined {
    const member = this.member(name);
    const server = identify(postmasterPid(member) ?? 0);
    return server && commandOf(server.pid).includes(member.folder) ? server : undefined;
  }

  #processes(name: string): ProcessIdentity[] {
    return [this.#patroni(name), this.#server(name)].filter((one) => one !== undefined);
  }

  async #ask(member: PatroniMember, path: string): Promise<Response> {
    const signal = AbortSignal.timeout(CONTACT_TIMEOUT_MS);
    return fetch(`${loopbackUrl(member.restPort)}${path}`, { signal });
  }

  /** The member that takes writes and holds the lock; undefined while none does. */
  async leader(): Promise<string | undefined> {
    const answers = await Promise.all(
      this.#members.map(async (member) => {
        const response = await this.#ask(member, '/primary').catch(() => undefined);
        await response?.arrayBuffer().catch(() => {});
        return response?.ok === true;
      }),
    );
    return this.names[answers.indexOf(true)];
  }

  /**
   * Roles by running member.
   *
   * @throws {Error} unless all members answer and agree: one that was cut off takes itself for the leader
   */
  async roles(): Promise<ReadonlyMap<string, string>> {
    const views = await Promise.all(
      this.#members.map(async (member) => {
        const response = await this.#ask(member, '/cluster');
        const { members } = (await response.json()) as { members: MemberView[] };
        const running = members.filter(({ state }) => /running|streaming/.test(state));
        return JSON.stringify(running.map(({ name, role }) => [name, role]).sort());
      }),
    );
    const [view = '[]'] = views;
    if (views.some((each) => each !== view)) throw new Error(`they disagree: ${views.join(' ')}`);
    return new Map(JSON.parse(view));
  }

  /** Whether all other members are standbys that hold each COMMIT. @throws {Error} as `roles` */
  async areWhole(): Promise<boolean> {
    const roles = [...(await this.roles()).values()].sort();
    const wanted = ['leader', ...this.#members.slice(1).map(() => 'sync_standby')];
    return roles.join() === wanted.join();
  }

  /**
   * Asks the leader to hand over to a standby, as an operator does before work on a machine.
   *
   * @throws {Error} if it does not
   */
  async switchOver(leader: string): Promise<void> {
    const { restPort } = this.member(leader);
    const response = await fetch(`${loopbackUrl(restPort)}/switchover`, {
      method: 'POST',
      body: JSON.stringify({ leader }),
      signal: AbortSignal.timeout(KILL_GRACE_MS),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`no switch from ${leader}: ${response.status} ${text}`);
  }

  /** Sends a signal to the member's Patroni and to its server with all processes. */
  signal(name: string, how: NodeJS.Signals): void {
    for (const { pid } of this.#processes(name)) signalFamily(pid, how);
  }

  /** Kills the member's Patroni and its server with all processes. Resolves when they have ended. */
  async kill(name: string): Promise<void> {
    const processes = this.#processes(name);
    this.signal(name, 'SIGKILL');
    for (const process of processes) {
      await endProcess(process, { signal: 'SIGKILL', graceMs: KILL_GRACE_MS });
    }
  }

  /** Ends all members at once, also frozen ones. A server that is told to quit leaves no shared memory behind. */
  async end(): Promise<void> {
    await Promise.all(
      this.names.map(async (name) => {
        this.signal(name, 'SIGCONT');
        const [patroni, server] = [this.#patroni(name), this.#server(name)];
        if (patroni) await endProcess(patroni, { signal: 'SIGKILL', graceMs: KILL_GRACE_MS });
        if (server) await endProcess(server, { signal: 'SIGQUIT', graceMs: KILL_GRACE_MS });
      }),
    );
  }
}
