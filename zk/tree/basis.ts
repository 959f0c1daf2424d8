/**
 * Which edits the grants of a SKU were made from: the text of its `grants` node. With it anyone sees
 * when an edit is in force: the grants come from it, and every node's report says that it applied
 * its grant.
 */
export interface Basis {
  /** Version of the quota's node; null: none was ever good. */
  readonly quota: number | null;
  /** Versions of the pins, by web node. */
  readonly pins: Readonly<Record<string, number>>;
}

/** An edit as far as its version tells it from others; undefined: none was ever good. */
interface Versioned {
  readonly version: number | undefined;
}

export function basisOf({
  quota,
  pins,
}: {
  readonly quota: Versioned;
  readonly pins: ReadonlyMap<string, Versioned>;
}): string {
  const versions = [...pins].flatMap(([node, { version }]) =>
    version === undefined ? [] : [[node, version] as const],
  );
  const basis: Basis = { quota: quota.version ?? null, pins: Object.fromEntries(versions.sort()) };
  return JSON.stringify(basis);
}

/** Undefined when it is none: the keeper has not divided this SKU yet. */
export function decodeBasis(text: string): Basis | undefined {
  try {
    const { quota, pins } = JSON.parse(text) as Partial<Basis>;
    const isBasis = (quota === null || typeof quota === 'number') && typeof pins === 'object';
    return isBasis ? { quota, pins: pins ?? {} } : undefined;
  } catch {
    return undefined;
  }
}
