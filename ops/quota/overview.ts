import type { Held } from '../../db/stranded.ts';
import type { ZkSession } from '../../zk/client/session.ts';
import { decodeBasis } from '../../zk/tree/basis.ts';
import type { Paths } from '../../zk/tree/paths.ts';
import { decodeReport, type Report, VERSION_DELETED } from '../../zk/tree/report.ts';
import { inForceOf, parseShare } from '../../zk/tree/values.ts';
import type { Edit } from './operator.ts';

/** Reads the whole quota tree for operators: what is set, granted, admitted and applied. */

export interface NodeRow {
  readonly sku: string;
  readonly node: string;
  /** Units; null: no grant yet. */
  readonly grant: number | null;
  readonly admitted: number;
  /** Units that the node can admit now. */
  readonly spare: number;
  readonly pinned: number | null;
  /** Whether the node has applied its present grant. */
  readonly applied: boolean;
  /** False: a dead node that is not settled yet. */
  readonly isAlive: boolean;
}

export interface SkuRow {
  readonly sku: string;
  /** Values in force; null: never set. */
  readonly quota: string | null;
  readonly state: string | null;
  readonly keep: string | null;
  /** Share of purchase requests that is kept, 0 to 1, and whether `keep = auto` chose it. */
  readonly share: number;
  readonly isAutomatic: boolean;
  /** Units that nodes may admit or have admitted: a lowered grant takes none back. */
  readonly granted: number;
  readonly admitted: number;
  readonly spare: number;
  readonly challenge: string | null;
}

export interface Overview {
  readonly skus: readonly SkuRow[];
  readonly nodes: readonly NodeRow[];
  /** Edits that have no effect, with the reason. */
  readonly errors: readonly { readonly path: string; readonly reason: string }[];
}

/** Whether the error of an edit or a read says that ZooKeeper did not answer or accept. */
export function isAway(error: unknown): boolean {
  return error instanceof Error && /^ZooKeeper did not/.test(error.message);
}

export class Reader {
  #session: ZkSession;
  #paths: Paths;

  constructor(session: ZkSession, paths: Paths) {
    this.#session = session;
    this.#paths = paths;
  }

  async text(path: string): Promise<{ text: string; version: number } | undefined> {
    const read = await this.#session.get(path);
    if (read.ok) return { text: read.value.text, version: read.value.stat.version };
    if (read.error === 'no_node') return undefined;
    if (read.error === 'no_auth')
      throw new Error(`these credentials may not read ${path} (ZK_AUTH)`);
    throw new Error(`ZooKeeper did not answer: ${read.error}`);
  }

  async names(path: string): Promise<string[]> {
    const read = await this.#session.children(path);
    if (read.ok) return read.value.sort();
    if (read.error === 'no_node') return [];
    throw new Error(`ZooKeeper did not answer: ${read.error}`);
  }

  async report(node: string): Promise<Report | undefined> {
    const found = await this.text(this.#paths.report(node));
    return found && decodeReport(found.text);
  }

  async inForce(path: string): Promise<string | null> {
    const [value, note] = await Promise.all([this.text(path), this.text(this.#paths.error(path))]);
    return (note && inForceOf(note.text)) ?? value?.text.trim() ?? null;
  }

  async overview(only?: string): Promise<Overview> {
    const alive = new Set(await this.names(this.#paths.nodes));
    const nodes = new Set([...alive, ...(await this.names(this.#paths.reports))]);
    const reports = new Map(
      await Promise.all([...nodes].map(async (node) => [node, await this.report(node)] as const)),
    );
    const names = (await this.names(this.#paths.skus)).filter(
      (sku) => only === undefined || sku === only,
    );
    const parts = await Promise.all(names.map((sku) => this.#sku(sku, alive, reports)));
    const errors = await Promise.all(
      (await this.names(this.#paths.errors)).map(async (name) => {
        const note = await this.text(`${this.#paths.errors}/${name}`);
        return { path: name.replaceAll('!', '/'), reason: reasonOf(note?.text ?? '') };
      }),
    );
    return {
      skus: parts.map(({ row }) => row),
      nodes: parts.flatMap(({ rows }) => rows),
      errors,
    };
  }

  async #sku(sku: string, alive: ReadonlySet<string>, reports: Map<string, Report | undefined>) {
    const paths = this.#paths.sku(sku);
    const pins = new Set(await this.names(paths.pins));
    const rows = await Promise.all(
      [...reports].map(async ([node, report]): Promise<NodeRow> => {
        const grant = await this.text(paths.grant(node));
        const pin = pins.has(node) ? await this.inForce(paths.pin(node)) : null;
        const isAlive = alive.has(node);
        const counters = report?.skus[sku];
        const admitted = counters?.admitted ?? 0;
        return {
          sku,
          node,
          grant: grant ? Number(grant.text) : null,
          admitted,
          spare: isAlive ? Math.max(0, (counters?.grant ?? 0) - admitted) : 0,
          pinned: pin === null ? null : Number(pin),
          applied: isAlive && isApplied(report, paths.grant(node), grant),
          isAlive,
        };
      }),
    );
    const [quota, state, keep, challenge] = await Promise.all(
      [paths.quota, paths.state, paths.keep, paths.challenge].map((path) => this.inForce(path)),
    );
    const living = rows.filter(({ isAlive }) => isAlive);
    const sum = (of: (row: NodeRow) => number) => living.reduce((all, row) => all + of(row), 0);
    const row: SkuRow = {
      sku,
      quota: quota ?? null,
      state: state ?? null,
      keep: keep ?? null,
      ...(await this.#share(sku, keep)),
      granted: sum(({ grant, admitted }) => Math.max(grant ?? 0, admitted)),
      admitted: sum(({ admitted }) => admitted),
      spare: sum(({ spare }) => spare),
      challenge: challenge ?? null,
    };
    return { row, rows };
  }

  async #share(sku: string, own: string | null | undefined) {
    const keep = own ?? (await this.inForce(this.#paths.keep)) ?? '1';
    const isAutomatic = keep === 'auto';
    const found = isAutomatic ? await this.text(this.#paths.sku(sku).autoKeep) : undefined;
    const share = parseShare(isAutomatic ? (found?.text ?? '') : keep);
    return { share: share.ok ? share.value : 1, isAutomatic };
  }

  /** Units by what holds them, from the keeper's figures. */
  async held(): Promise<Map<string, Held>> {
    const [alive, reporting] = await Promise.all([
      this.names(this.#paths.nodes),
      this.names(this.#paths.reports),
    ]);
    const held = new Map<string, Held>();
    for (const sku of await this.names(this.#paths.skus)) {
      const paths = this.#paths.sku(sku);
      const pins = new Set(await this.names(paths.pins));
      const all = { pinned: 0, idle: 0, dead: 0, underWay: 0, pinnedNodes: [] as string[] };
      for (const node of reporting) {
        const [grant, report] = [await this.text(paths.grant(node)), await this.report(node)];
        const { admitted = 0, decided = 0, need = 0 } = report?.skus[sku] ?? {};
        const granted = Number(grant?.text ?? 0);
        const left = Math.max(0, granted - admitted);
        if (!alive.includes(node)) {
          all.dead += (report?.final ? admitted : Math.max(granted, admitted)) - decided;
          continue;
        }
        all.underWay += admitted - decided;
        if (pins.has(node)) {
          all.pinned += left;
          if (left > 0) all.pinnedNodes.push(node);
        } else if (need === 0) all.idle += left;
      }
      held.set(sku, all);
    }
    return held;
  }

  /** Live web nodes that have not applied the edit yet; for quotas and pins also `the keeper`. */
  async notApplied({ path, version }: Edit): Promise<string[]> {
    const nodes = await this.names(this.#paths.nodes);
    const match = /^(.*)\/skus\/([^/]+)\/(?:quota|pins\/([^/]+))$/.exec(path);
    const [, , sku, pinned] = match ?? [];
    if (sku === undefined) {
      const lagging = await Promise.all(
        nodes.map(async (node) => {
          const applied = (await this.report(node))?.applied[path];
          return version === undefined ? applied === undefined : (applied ?? -1) >= version;
        }),
      );
      return nodes.filter((_, index) => !lagging[index]);
    }
    const paths = this.#paths.sku(sku);
    const basis = decodeBasis((await this.text(paths.grants))?.text ?? '');
    const based = pinned === undefined ? basis?.quota : basis?.pins[pinned];
    const isBased = version === undefined ? basis && based === undefined : (based ?? -1) >= version;
    if (!isBased) return ['the keeper'];
    const late = await Promise.all(
      nodes.map(async (node) => {
        const [grant, report] = [await this.text(paths.grant(node)), await this.report(node)];
        return !isApplied(report, paths.grant(node), grant);
      }),
    );
    return nodes.filter((_, index) => late[index]);
  }
}

/** Whether the web node has applied the present value, or no value if the ZooKeeper node is missing. */
function isApplied(
  report: Report | undefined,
  path: string,
  value: { version: number } | undefined,
): boolean {
  return (report?.applied[path] ?? VERSION_DELETED) === (value?.version ?? VERSION_DELETED);
}

/** The reason and the value in force of an edit error, as one text. */
export function reasonOf(text: string): string {
  try {
    const { reason, inForce } = JSON.parse(text) as { reason?: string; inForce?: string | null };
    return `${reason}; in force: ${inForce ?? 'nothing'}`;
  } catch {
    return text;
  }
}
