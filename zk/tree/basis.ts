/**
 * The edits from which the grants of a SKU were planned: the text of its `grants` node. It shows
 * when an edit is in force: the grants are based on it, and every node's report says that it
 * applied its grant.
 */
export interface Basis {
  /** Version of the quota's node; null when it never had a valid value. */
  readonly quota: number | null;
  /** Versions of the pins by web node. */
  readonly pins: Readonly<Record<string, number>>;
}

/** The version of an edit; undefined when the edit never had a valid value. */
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

/**
 * Parses the text of a `grants` node; undefined when it holds no basis because the keeper has not
 * planned this SKU yet.
 */
export function decodeBasis(text: string): Basis | undefined {
  try {
    const { quota, pins } = JSON.parse(text) as Partial<Basis>;
    const isBasis = (quota === null || typeof quota === 'number') && typeof pins === 'object';
    return isBasis ? { quota, pins: pins ?? {} } : undefined;
  } catch {
    return undefined;
  }
}
