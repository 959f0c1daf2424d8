import type { Observation } from '../zk/client/observe.ts';
import type { Result } from '../zk/client/result.ts';
import type { ZkSession } from '../zk/client/session.ts';
import type { Paths } from '../zk/tree/paths.ts';
import { decodeReport, type Report } from '../zk/tree/report.ts';
import { newsOf } from './grants/due.ts';

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
  /** SKUs of which a report has said something new; `all` when nodes came or went. */
  #news: Set<string> | 'all' = 'all';
  #observations: Observation[];
  /**
   * Resolves when everything that existed at the start has been read, but for nodes that the keeper has no right to read.
   * `/reports` has to be readable, and one of `/nodes` and `/sessions`: each has all web nodes, unless somebody deletes one.
   */
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
    const living = Promise.race([nodes.first, sessions.first]);
    const answered = Promise.all([nodes.answered, sessions.answered]);
    this.known = Promise.all([living, answered, reports.first]).then(async () => {
      const all = [...this.#reports.values()];
      await Promise.all(all.map(({ observation }) => observation.answered));
    });
  }

  /** A node whose registration was deleted by hand may draw units until it or its session ends. */
  #count(): void {
    const going = this.#sessions.filter((node) => !this.#isFinal(node));
    this.#alive = new Set([...this.#registered, ...going]);
    this.#news = 'all';
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

  /** SKUs with news since the last call, in the reports that `reports` returns now. */
  takeNews(): ReadonlySet<string> | 'all' {
    const news = this.#news;
    this.#news = new Set();
    return news;
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
        const before = this.#reports.get(node)?.report;
        const report = observed && decodeReport(observed.text, before);
        if (report) this.#take(node, report, before);
      });
      this.#reports.set(node, { observation, report: undefined });
    }
    this.#news = 'all';
    this.#onChange();
  }

  #take(node: string, report: Report, before: Report | undefined): void {
    const known = this.#reports.get(node);
    if (!known) return;
    known.report = report;
    if (!before) this.#news = 'all';
    else if (this.#news !== 'all') newsOf(before, report, this.#paths.skus, this.#news);
    if (report.final) this.#count();
    else if (!before || isAwaited(before, report)) this.#onChange();
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
function isAwaited(before: Report, now: Report): boolean {
  for (const path in now.applied) {
    if (before.applied[path] !== now.applied[path]) return true;
  }
  for (const sku in now.skus) {
    const [counters, known] = [now.skus[sku], before.skus[sku]];
    if (counters !== known && counters && counters.need > 0 && known?.wanted !== counters.wanted)
      return true;
  }
  return false;
}
