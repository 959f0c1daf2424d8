import type { Observation } from '../zk/client/observe.ts';
import type { Result } from '../zk/client/result.ts';
import type { ZkSession } from '../zk/client/session.ts';
import type { Paths } from '../zk/tree/paths.ts';
import { decodeReport, type Report } from '../zk/tree/report.ts';

/**
 * The web nodes as the leading keeper sees them: those that are registered, and the last report of
 * each.
 */
export class WebNodes {
  #session: ZkSession;
  #paths: Paths;
  #onChange: () => void;
  #registered: readonly string[] = [];
  #sessions: readonly string[] = [];
  #alive: ReadonlySet<string> = new Set();
  #reports = new Map<string, { observation: Observation; report: Report | undefined }>();
  #observations: Observation[];
  /** Resolves when everything that existed at the start has been read. */
  readonly known: Promise<void>;

  /** @param onChange called for changes that need a look at once, not for new counters alone */
  constructor(session: ZkSession, paths: Paths, onChange: () => void) {
    this.#session = session;
    this.#paths = paths;
    this.#onChange = onChange;
    const nodes = session.watchChildren(paths.nodes, (names) => {
      this.#registered = names;
      this.#count();
    });
    const sessions = session.watchChildren(paths.sessions, (names) => {
      this.#sessions = names;
      this.#count();
    });
    const reports = session.watchChildren(paths.reports, (names) => this.#follow(names));
    this.#observations = [nodes, sessions, reports];
    this.known = Promise.all([nodes.first, sessions.first, reports.first]).then(async () => {
      await Promise.all([...this.#reports.values()].map(({ observation }) => observation.first));
    });
  }

  /** A node whose registration was deleted by hand may draw units until it or its session ends. */
  #count(): void {
    const going = this.#sessions.filter((node) => !this.#isFinal(node));
    this.#alive = new Set([...this.#registered, ...going]);
    this.#onChange();
  }

  #isFinal(node: string): boolean {
    return this.#reports.get(node)?.report?.final ?? false;
  }

  /** Asks ZooKeeper now whether the node is registered or its session still lives. */
  async isAlive(node: string): Promise<Result<boolean>> {
    const session = this.#isFinal(node) ? [] : [this.#paths.session(node)];
    for (const path of [this.#paths.node(node), ...session]) {
      const found = await this.#session.exists(path);
      if (!found.ok) return found;
      if (found.value) return { ok: true, value: true };
    }
    return { ok: true, value: false };
  }

  get alive(): ReadonlySet<string> {
    return this.#alive;
  }

  /** Names below /reports: every node that registered at some time and is not settled yet. */
  get reporting(): string[] {
    return [...this.#reports.keys()];
  }

  /** Returns a copy, so that the reports stay older than counts that are read later. */
  reports(): Map<string, Report | undefined> {
    return new Map([...this.#reports].map(([node, { report }]) => [node, report]));
  }

  #follow(names: readonly string[]): void {
    const present = new Set(names);
    for (const [node, { observation }] of this.#reports) {
      if (present.has(node)) continue;
      observation.close();
      this.#reports.delete(node);
    }
    for (const node of names) {
      if (this.#reports.has(node)) continue;
      const observation = this.#session.watch(this.#paths.report(node), (observed) => {
        const report = observed && decodeReport(observed.text);
        if (report) this.#take(node, report);
      });
      this.#reports.set(node, { observation, report: undefined });
    }
    this.#onChange();
  }

  #take(node: string, report: Report): void {
    const known = this.#reports.get(node);
    if (!known) return;
    const before = known.report;
    known.report = report;
    if (report.final) this.#count();
    else if (isAwaited(before, report)) this.#onChange();
  }

  close(): void {
    for (const observation of this.#observations) observation.close();
    for (const { observation } of this.#reports.values()) observation.close();
  }
}

/**
 * Whether the report needs a look at once: a grant was applied or a request was refused for want of
 * quota. Other counters wait for the next tick.
 */
function isAwaited(before: Report | undefined, now: Report): boolean {
  if (!before) return true;
  for (const [path, version] of Object.entries(now.applied)) {
    if (before.applied[path] !== version) return true;
  }
  for (const [sku, { need, wanted }] of Object.entries(now.skus)) {
    if (need > 0 && before.skus[sku]?.wanted !== wanted) return true;
  }
  return false;
}
