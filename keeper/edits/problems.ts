import type { Paths } from '../../zk/tree/paths.ts';
import { GRANTS_BYTES_MAX, grantBytes } from '../../zk/tree/report.ts';
import { type Setting, UNREADABLE } from '../../zk/tree/setting.ts';

/** Finds the mistakes in edits of operators. Pure. */

/** An edit without effect and its reason. */
export interface Problem {
  readonly path: string;
  readonly refused: string | null;
  readonly reason: string;
  readonly inForce: string | null;
  /** The value in force is not known: an edit error may have it, which cannot be read either. */
  readonly isUnknown?: boolean;
}

export function ownProblem({ path, problem, text, isKnown }: Setting<unknown>): Problem[] {
  if (!problem) return [];
  return [{ path, ...problem, inForce: text ?? null, ...(!isKnown && { isUnknown: true }) }];
}

/** The names below `path` cannot be read. */
export function unreadableFolder(path: string): Problem {
  return { path, ...UNREADABLE, inForce: null };
}

/** A value under an unknown name, such as `qouta`. */
export function unknownName(path: string, name: string, names: readonly string[]): Problem {
  const reason = `no setting has this name; the names are ${names.join(', ')}`;
  return { path: `${path}/${name}`, refused: name, reason, inForce: null };
}

/** The reports of web nodes have no room for all SKUs. */
export function roomProblems(
  { skus: path, sku: below }: Paths,
  skus: Iterable<string>,
  alive: Iterable<string>,
): Problem[] {
  const node = [...alive].reduce((one, other) => (other.length > one.length ? other : one), '');
  let [count, fitting, bytes] = [0, 0, 0];
  for (const sku of skus) {
    count++;
    bytes += grantBytes(below(sku).grant(node), sku);
    if (bytes <= GRANTS_BYTES_MAX) fitting++;
  }
  if (fitting === count) return [];
  const reason = `the report of a web node has room for ${fitting} of them, the others are not sold: delete some`;
  return [{ path, refused: `${count} SKUs`, reason, inForce: null }];
}

interface Pinned {
  readonly quota: Setting<number>;
  readonly pins: ReadonlyMap<string, Setting<number>>;
}

/** Pins of nodes that no longer exist, and pins that exceed the units that may be granted. */
export function pinProblems(
  { pins, quota }: Pinned,
  units: number,
  isAlive: (node: string) => boolean,
): Problem[] {
  const good = [...pins].filter(([, { problem, text }]) => !problem && text !== undefined);
  const living = good.filter(([node]) => isAlive(node));
  const asked = living.reduce((all, [, { value }]) => all + (value ?? 0), 0);
  const target = Math.min(quota.value ?? 0, units);
  const less = `${asked} units are pinned, but only ${target} may be granted`;
  const why = `${less} (quota ${quota.value ?? 'not set'}, ${units} exist); the nodes share what exists`;
  return good.flatMap(([node, { path, text = '' }]): Problem[] => {
    if (!isAlive(node)) {
      return [{ path, refused: text, reason: `there is no web node ${node}`, inForce: null }];
    }
    return asked > target ? [{ path, refused: text, reason: why, inForce: text }] : [];
  });
}
