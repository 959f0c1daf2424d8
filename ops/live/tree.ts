import type { Held } from '../../db/stranded.ts';
import type { ZkSession } from '../../zk/client/session.ts';
import type { Paths } from '../../zk/tree/paths.ts';
import type { Report } from '../../zk/tree/report.ts';
import { inForceOf, parseShare } from '../../zk/tree/values.ts';
import { Reader, reasonOf } from '../quota/overview.ts';
import { heldOf } from './held.ts';
import { liveNodes } from './nodes.ts';
import { Presses } from './presses.ts';
import { Turns } from './turns.ts';
import type { LiveSku, LiveView } from './view.ts';

/**
 * Looks at the quota tree once: one read for each web node and a few for each SKU. The report of a node says
 * how much it may admit, and the edits that it applied. The whole overview (`quota/overview.ts`) would
 * take a read for each node and SKU, a hundred times a second at thirty nodes.
 */

/**
 * Reports that are read in one look. Further ones take turns, so that a look stays cheap. The sums of
 * rates stay true: half of the nodes show the growth of two seconds, the other half none.
 */
const REPORTS_A_LOOK_MAX = 50;
/** SKUs whose quota, pins and share chosen by the keeper are read in one look, in turns as well. */
const SKUS_A_LOOK_MAX = 50;
/** Lists name people, and viewers see this. */
const LIST_NOTE = 'its text is refused';

export type TreeSku = Pick<
  LiveSku,
  | 'sku'
  | 'quota'
  | 'state'
  | 'keep'
  | 'shed'
  | 'challenge'
  | 'waitlist'
  | 'share'
  | 'isAutomatic'
  | 'granted'
  | 'admitted'
  | 'pressesPerSecond'
  | 'keptPerSecond'
  | 'pins'
>;

export interface TreeView
  extends Pick<LiveView, 'nodes' | 'keep' | 'shed' | 'challenge' | 'errors'> {
  readonly skus: readonly TreeSku[];
  readonly held: ReadonlyMap<string, Held>;
}

/** A node of ZooKeeper with an operator's value; undefined: there is none. */
type Found = { readonly text: string; readonly version: number } | undefined;
type Reports = ReadonlyMap<string, Report>;

/** Settings of one SKU that no web node reports as applied. The quota goes through the keeper's grants. */
interface Rest {
  readonly quota: ReadonlyMap<string, Found>;
  readonly automatic: Found;
  readonly pins: LiveSku['pins'];
}

/** The settings of operators for one SKU. */
interface Switches extends Rest {
  readonly sku: string;
  readonly values: ReadonlyMap<string, Found>;
}

/** Path → version, or undefined where there is no value. */
type Versions = ReadonlyMap<string, number | undefined>;

/** More than 200 lines: all parts of a look share the reports and versions of the looks before. */
export class TreeLook {
  #session: ZkSession;
  #paths: Paths;
  #reader: Reader;
  #presses = new Presses();
  #versions = new Map<string, { readonly version: number | undefined; readonly since: number }>();
  #reports = new Turns<Report>(REPORTS_A_LOOK_MAX);
  #rest = new Turns<Rest>(SKUS_A_LOOK_MAX);
  #looks = 0;
  #pending: Promise<TreeView> | undefined;

  constructor(session: ZkSession, paths: Paths) {
    this.#session = session;
    this.#paths = paths;
    this.#reader = new Reader(session, paths);
  }

  /**
   * Looks share what they know, so whoever asks during a look gets that one.
   *
   * @throws {Error} when ZooKeeper does not answer
   */
  look(): Promise<TreeView> {
    this.#pending ??= this.#look().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  async #look(): Promise<TreeView> {
    const paths = this.#paths;
    if (!this.#session.isConnected) throw new Error('not connected');
    const [alive, reporting, names, notes] = await Promise.all([
      this.#reader.names(paths.nodes),
      this.#reader.names(paths.reports),
      this.#reader.names(paths.skus),
      this.#reader.names(paths.errors),
    ]);
    const living = new Set(alive);
    const refused = await this.#refused(notes);
    this.#presses.look(performance.now(), living);
    const [reports, common, skus] = await Promise.all([
      this.#reports.read(reporting, (node) => this.#report(node, living)),
      this.#values([paths.keep, paths.shed, paths.challenge]),
      this.#switches(names),
    ]);
    const values = new Map([...common, ...skus.flatMap(({ values }) => [...values])]);
    const nodes = liveNodes(living, reports, this.#settled(values, refused, reports.size));
    const inForce = (path: string) => textInForce(path, common, refused);
    const share = inForce(paths.keep) ?? '1';
    return {
      nodes,
      skus: skus.map((sku) => this.#sku(sku, living, reports, refused, share)),
      held: new Map(
        await Promise.all(
          skus.map(async ({ sku, pins }) => {
            const of = { sku, pinned: Object.keys(pins), living, reports };
            return [sku, await heldOf(this.#reader, this.#paths, of)] as const;
          }),
        ),
      ),
      keep: inForce(paths.keep),
      shed: inForce(paths.shed),
      challenge: inForce(paths.challenge),
      errors: [...refused].map(([path, text]) => ({ path, reason: reasonOf(text) })),
    };
  }

  async #report(node: string, living: ReadonlySet<string>): Promise<Report | undefined> {
    const report = await this.#reader.report(node);
    if (report !== undefined && living.has(node)) this.#presses.add(node, report);
    return report;
  }

  async #refused(names: readonly string[]): Promise<Map<string, string>> {
    const notes = await Promise.all(
      names.map(async (name) => {
        const path = name.replaceAll('!', '/');
        if (path.startsWith(`${this.#paths.root}/lists/`)) return [path, LIST_NOTE] as const;
        const note = await this.#reader.text(`${this.#paths.errors}/${name}`);
        return [path, note?.text ?? ''] as const;
      }),
    );
    return new Map(notes);
  }

  async #values(paths: readonly string[]): Promise<Map<string, Found>> {
    const found = await Promise.all(
      paths.map(async (path): Promise<[string, Found]> => [path, await this.#reader.text(path)]),
    );
    return new Map(found);
  }

  async #switches(names: readonly string[]): Promise<Switches[]> {
    const folders = new Map(
      await Promise.all(
        names.map(
          async (sku) => [sku, await this.#reader.names(this.#paths.sku(sku).sku)] as const,
        ),
      ),
    );
    const present = (sku: string, paths: readonly string[]) =>
      this.#present(this.#paths.sku(sku).sku, folders.get(sku) ?? [], paths);
    const valuesOf = async (sku: string) => {
      const { state, keep, shed, challenge, waitlist } = this.#paths.sku(sku);
      return [sku, await present(sku, [state, keep, shed, challenge, waitlist])] as const;
    };
    // Both at once: each round of reads is a write to the socket, which costs more than some reads.
    const [rests, found] = await Promise.all([
      this.#rest.read(names, (sku) => this.#restOf(sku, present)),
      Promise.all(names.map(valuesOf)),
    ]);
    return found.flatMap(([sku, values]) => {
      const rest = rests.get(sku);
      return rest === undefined ? [] : [{ sku, values, ...rest }];
    });
  }

  /** Reads the values that are among the children of a folder. Most settings of a SKU are not there. */
  async #present(
    folder: string,
    children: readonly string[],
    paths: readonly string[],
  ): Promise<Map<string, Found>> {
    const isThere = (path: string) => children.includes(path.slice(folder.length + 1));
    const found = await this.#values(paths.filter(isThere));
    return new Map(paths.map((path) => [path, found.get(path)]));
  }

  async #restOf(
    sku: string,
    present: (sku: string, paths: readonly string[]) => Promise<ReadonlyMap<string, Found>>,
  ): Promise<Rest> {
    const paths = this.#paths.sku(sku);
    const [values, pinned] = await Promise.all([
      present(sku, [paths.quota, paths.autoKeep]),
      this.#reader.names(paths.pins),
    ]);
    const quota = new Map([[paths.quota, values.get(paths.quota)]]);
    const automatic = values.get(paths.autoKeep);
    const pins = await this.#values(pinned.map((node) => paths.pin(node)));
    const texts = pinned.map((node) => [node, pins.get(paths.pin(node))?.text.trim() ?? '']);
    return { quota, automatic, pins: Object.fromEntries(texts) };
  }

  /** The versions that are so old that every report has been read again since they were written. */
  #settled(
    values: ReadonlyMap<string, Found>,
    refused: ReadonlyMap<string, string>,
    nodes: number,
  ): Versions {
    this.#looks += 1;
    const before = this.#versions;
    this.#versions = new Map(
      [...values].map(([path, found]) => {
        const known = before.get(path);
        const isSame = known !== undefined && known.version === found?.version;
        return [path, isSame ? known : { version: found?.version, since: this.#looks }] as const;
      }),
    );
    const turns = Math.ceil(nodes / REPORTS_A_LOOK_MAX);
    const isOld = (since: number) => this.#looks - since >= turns;
    return new Map(
      [...this.#versions].flatMap(([path, { version, since }]) =>
        !refused.has(path) && isOld(since) ? [[path, version] as const] : [],
      ),
    );
  }

  #sku(
    found: Switches,
    living: ReadonlySet<string>,
    reports: Reports,
    refused: ReadonlyMap<string, string>,
    shareOfAll: string,
  ): TreeSku {
    const { sku, values, quota, automatic, pins } = found;
    const paths = this.#paths.sku(sku);
    const own = textInForce(paths.keep, values, refused);
    const keep = own ?? shareOfAll;
    const share = parseShare(keep === 'auto' ? (automatic?.text ?? '') : keep);
    const { asked: pressesPerSecond, kept: keptPerSecond } = this.#presses.perSecond(sku);
    const sums = { granted: 0, admitted: 0, pressesPerSecond, keptPerSecond };
    for (const [node, report] of reports) {
      const counters = report.skus[sku];
      if (counters === undefined || !living.has(node)) continue;
      // A lowered grant takes none back.
      sums.granted += Math.max(counters.grant, counters.admitted);
      sums.admitted += counters.admitted;
    }
    return {
      sku,
      quota: textInForce(paths.quota, quota, refused),
      state: textInForce(paths.state, values, refused),
      keep: own,
      shed: textInForce(paths.shed, values, refused),
      challenge: textInForce(paths.challenge, values, refused),
      waitlist: textInForce(paths.waitlist, values, refused),
      share: share.ok ? share.value : 1,
      isAutomatic: keep === 'auto',
      ...sums,
      pins,
    };
  }
}

/** The value in force: the text, or the one that the keeper's note names while it refuses the text. */
function textInForce(
  path: string,
  values: ReadonlyMap<string, Found>,
  refused: ReadonlyMap<string, string>,
): string | null {
  const note = refused.get(path);
  return (
    (note === undefined ? undefined : inForceOf(note)) ?? values.get(path)?.text.trim() ?? null
  );
}
