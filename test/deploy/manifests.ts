import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';

/** The Kubernetes manifests, put together as `kubectl kustomize` does it for what the project uses of it. */

export const KUBERNETES = join(import.meta.dirname, '../../ops/kubernetes');

export type Labels = Readonly<Record<string, string>>;

export interface Selector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: 'In' | 'NotIn' | 'Exists';
    readonly values?: readonly string[];
  }[];
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: {
      readonly configMapKeyRef: { readonly name: string; readonly key: string };
    };
  }[];
  readonly envFrom?: readonly { readonly configMapRef: { readonly name: string } }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly resources: { readonly requests: object; readonly limits: object };
  readonly securityContext: object;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  readonly startupProbe?: object;
  readonly livenessProbe?: object;
  readonly readinessProbe?: object;
}

interface Volume {
  readonly name: string;
  readonly emptyDir?: { readonly sizeLimit?: string };
  readonly configMap?: { readonly name: string };
  readonly secret?: {
    readonly secretName: string;
    readonly defaultMode: number;
    readonly items?: readonly { readonly key: string; readonly path: string }[];
  };
}

export interface PodSpec {
  readonly securityContext: object;
  readonly automountServiceAccountToken: boolean;
  readonly enableServiceLinks: boolean;
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes: readonly Volume[];
  readonly topologySpreadConstraints?: readonly {
    readonly topologyKey: string;
    readonly labelSelector: Selector;
  }[];
}

/** What tests look at; the schemas say what may be there. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Labels;
  };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly replicas?: number;
    readonly selector?: Selector & Labels;
    readonly serviceName?: string;
    readonly template?: { readonly metadata: { readonly labels: Labels }; readonly spec: PodSpec };
    readonly [key: string]: unknown;
  };
}

interface FilePatch {
  readonly path: string;
}
/** Adds elements to the ends of lists. */
interface AddPatch {
  /** Regular expressions, as in kustomize. */
  readonly target: { readonly kind: string; readonly name: string };
  /** YAML of `{ op: add, path, value }`. */
  readonly patch: string;
}

interface Kustomization {
  readonly resources?: readonly string[];
  readonly components?: readonly string[];
  readonly patches?: readonly (FilePatch | AddPatch)[];
  readonly images?: readonly {
    readonly name: string;
    readonly newName: string;
    readonly newTag: string;
  }[];
}

function documentsIn(file: string): Manifest[] {
  const documents = parseAllDocuments(readFileSync(file, 'utf8'), { merge: true });
  return documents.map((document) => document.toJS() as Manifest);
}

/** Maps are merged, all else is replaced: what kustomize does for ConfigMaps and custom resources. */
function merged(one: unknown, patch: unknown): unknown {
  const isMap = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isMap(one) || !isMap(patch)) return patch;
  const changed = Object.entries(patch).map(([key, value]) => [key, merged(one[key], value)]);
  return { ...one, ...Object.fromEntries(changed) };
}

const idOf = ({ kind, metadata }: Manifest) => `${kind} ${metadata.namespace}/${metadata.name}`;

/** Changes the manifests that `isTarget` finds. @throws {Error} if it finds none; or several, unless the patch is for several */
function patched(
  manifests: readonly Manifest[],
  isTarget: (manifest: Manifest) => boolean,
  change: (manifest: Manifest) => Manifest,
  isForSeveral = false,
): Manifest[] {
  const found = manifests.filter(isTarget).length;
  if (isForSeveral ? found < 2 : found !== 1) throw new Error(`a patch has ${found} targets`);
  return manifests.map((manifest) => (isTarget(manifest) ? change(manifest) : manifest));
}

/** @throws {Error} unless the path ends in `/-` and leads to a list */
function added(manifest: Manifest, patch: string): Manifest {
  const copy = structuredClone(manifest);
  for (const { op, path, value } of parse(patch) as Record<string, string>[]) {
    const steps = path?.split('/').slice(1) ?? [];
    const end = steps.pop();
    const list = steps.reduce<unknown>((at, step) => (at as Record<string, unknown>)[step], copy);
    if (op !== 'add' || end !== '-' || !Array.isArray(list)) throw new Error(`${op} ${path}`);
    list.push(value);
  }
  return copy;
}

/** @param before the manifests that a component changes */
export function build(folder: string, before: readonly Manifest[] = []): Manifest[] {
  const text = readFileSync(join(folder, 'kustomization.yaml'), 'utf8');
  const {
    resources = [],
    components = [],
    patches = [],
    images = [],
  } = parse(text) as Kustomization;
  const own = resources.flatMap((path) =>
    path.endsWith('.yaml') ? documentsIn(join(folder, path)) : build(join(folder, path)),
  );
  let manifests = [...before, ...own];
  for (const path of components) manifests = build(join(folder, path), manifests);
  for (const each of patches) {
    if ('path' in each) {
      for (const patch of documentsIn(join(folder, each.path))) {
        const isTarget = (manifest: Manifest) => idOf(manifest) === idOf(patch);
        manifests = patched(manifests, isTarget, (one) => merged(one, patch) as Manifest);
      }
    } else {
      const isLike = (pattern: string, text: string) => new RegExp(`^(?:${pattern})$`).test(text);
      const { kind, name } = each.target;
      const isTarget = (one: Manifest) => isLike(kind, one.kind) && isLike(name, one.metadata.name);
      const isForSeveral = /[|*]/.test(kind + name);
      manifests = patched(manifests, isTarget, (one) => added(one, each.patch), isForSeveral);
    }
  }
  for (const { name, newName, newTag } of images) {
    const image = new RegExp(`"image":"${name}:[^"]+"`, 'g');
    manifests = JSON.parse(
      JSON.stringify(manifests).replaceAll(image, `"image":"${newName}:${newTag}"`),
    );
  }
  return manifests;
}

/** The workloads with pods that the manifests describe themselves. */
export function workloadsIn(manifests: readonly Manifest[]) {
  return manifests.flatMap((manifest) => {
    const { template, selector, replicas } = manifest.spec ?? {};
    if (template === undefined) return [];
    const { name } = manifest.metadata;
    const { labels } = template.metadata;
    return [{ name, kind: manifest.kind, labels, selector, replicas, pod: template.spec }];
  });
}

export function selects(
  { matchLabels = {}, matchExpressions = [] }: Selector,
  labels: Labels,
): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) =>
      operator === 'Exists'
        ? key in labels
        : values.includes(labels[key] ?? '') === (operator === 'In'),
    )
  );
}
