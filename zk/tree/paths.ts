/**
 * All paths of the tree below one root (`ZK_ROOT`). Operators type these paths by hand, so they
 * must not change.
 */

export interface Paths {
  readonly root: string;
  readonly keep: string;
  readonly autoKeep: AutoKeepPaths;
  readonly shed: string;
  readonly challenge: string;
  readonly skus: string;
  readonly nodes: string;
  /**
   * Ephemeral like `nodes`. Distinguishes a web node whose registration was deleted by hand from
   * one that has ended.
   */
  readonly sessions: string;
  readonly reports: string;
  readonly errors: string;
  readonly history: string;
  readonly election: string;
  readonly epoch: string;
  /** The last beat of the keeper at the server of a home. */
  beat(home: string): string;
  sku(sku: string): SkuPaths;
  node(node: string): string;
  session(node: string): string;
  report(node: string): string;
  /** The path of the edit error for an edit of `path`. */
  error(path: string): string;
}

/** The settings of `keep = auto`. */
export interface AutoKeepPaths {
  readonly folder: string;
  readonly factor: string;
  readonly waitMs: string;
  readonly start: string;
}

export interface SkuPaths {
  readonly sku: string;
  readonly quota: string;
  readonly state: string;
  readonly keep: string;
  readonly shed: string;
  readonly challenge: string;
  readonly waitlist: string;
  /** The share under `keep = auto`; the leading keeper writes it. */
  readonly autoKeep: string;
  readonly pins: string;
  readonly grants: string;
  pin(node: string): string;
  grant(node: string): string;
}

export function pathsBelow(root: string): Paths {
  const skus = `${root}/skus`;
  const errors = `${root}/errors`;
  return {
    root,
    keep: `${root}/keep`,
    autoKeep: {
      folder: `${root}/auto-keep`,
      factor: `${root}/auto-keep/factor`,
      waitMs: `${root}/auto-keep/wait-ms`,
      start: `${root}/auto-keep/start`,
    },
    shed: `${root}/shed`,
    challenge: `${root}/challenge`,
    skus,
    nodes: `${root}/nodes`,
    sessions: `${root}/sessions`,
    reports: `${root}/reports`,
    errors,
    history: `${root}/history`,
    election: `${root}/keeper/election`,
    epoch: `${root}/keeper/epoch`,
    beat: (home) => `${root}/keeper/beats/${home}`,
    sku: (sku) => skuPaths(`${skus}/${sku}`),
    node: (node) => `${root}/nodes/${node}`,
    session: (node) => `${root}/sessions/${node}`,
    report: (node) => `${root}/reports/${node}`,
    error: (path) => `${errors}/${encodePath(path)}`,
  };
}

function skuPaths(sku: string): SkuPaths {
  return {
    sku,
    quota: `${sku}/quota`,
    state: `${sku}/state`,
    keep: `${sku}/keep`,
    shed: `${sku}/shed`,
    challenge: `${sku}/challenge`,
    waitlist: `${sku}/waitlist`,
    autoKeep: `${sku}/auto-keep`,
    pins: `${sku}/pins`,
    grants: `${sku}/grants`,
    pin: (node) => `${sku}/pins/${node}`,
    grant: (node) => `${sku}/grants/${node}`,
  };
}

/** Turns a path into one node name: `/flashsale/keep` becomes `!flashsale!keep`. */
export function encodePath(path: string): string {
  return path.replaceAll('/', '!');
}
