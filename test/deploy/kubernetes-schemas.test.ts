import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cluster } from '@kubernetes-models/cloudnative-pg/postgresql.cnpg.io/v1/Cluster';
import { ScaledObject } from '@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject';
import { Ajv } from 'ajv';
import { DaemonSet } from 'kubernetes-models/apps/v1/DaemonSet';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { StatefulSet } from 'kubernetes-models/apps/v1/StatefulSet';
import { Job } from 'kubernetes-models/batch/v1/Job';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap';
import { Namespace } from 'kubernetes-models/v1/Namespace';
import { Service } from 'kubernetes-models/v1/Service';
import { afterAll, expect, it } from 'vitest';
import { build, KUBERNETES, type Manifest } from './manifests.ts';

/**
 * The manifests are valid by the schemas of Kubernetes' API and of the operators. The schemas allow
 * fields that they do not know; the types that are made of them do not.
 */

interface Kind {
  readonly module: string;
  readonly validate: (manifest: Manifest) => void;
}

function kind(
  module: string,
  Model: new (data: never) => { validate(): void },
): readonly [string, Kind] {
  return [Model.name, { module, validate: (manifest) => new Model(manifest as never).validate() }];
}

const CORE = 'kubernetes-models';
const KINDS = new Map([
  kind(`${CORE}/apps/v1`, DaemonSet),
  kind(`${CORE}/apps/v1`, Deployment),
  kind(`${CORE}/apps/v1`, StatefulSet),
  kind(`${CORE}/batch/v1`, Job),
  kind(`${CORE}/networking.k8s.io/v1`, NetworkPolicy),
  kind(`${CORE}/policy/v1`, PodDisruptionBudget),
  kind(`${CORE}/v1`, ConfigMap),
  kind(`${CORE}/v1`, Namespace),
  kind(`${CORE}/v1`, Service),
  kind('@kubernetes-models/cloudnative-pg/postgresql.cnpg.io/v1', Cluster),
  kind('@kubernetes-models/keda/keda.sh/v1alpha1', ScaledObject),
]);

/** No package has the schema of RabbitMQ's operator. This is the part of it that the project uses. */
const text = { type: 'string' };
const map = { type: 'object' };
const only = (properties: object, required: string[] = []) => ({
  type: 'object',
  additionalProperties: false,
  properties,
  required,
});
const isRabbitmqCluster = new Ajv({ strict: false, allErrors: true }).compile(
  only(
    {
      apiVersion: { const: 'rabbitmq.com/v1beta1' },
      kind: { const: 'RabbitmqCluster' },
      metadata: map,
      spec: only({
        replicas: { type: 'integer', minimum: 0 },
        image: text,
        secretBackend: only({ externalSecret: only({ name: text }, ['name']) }),
        persistence: only({ storage: text, storageClassName: text }),
        resources: only({ requests: map, limits: map }),
        rabbitmq: only({
          additionalConfig: { type: 'string', maxLength: 2_000 },
          advancedConfig: { type: 'string', maxLength: 100_000 },
        }),
        affinity: only({ podAntiAffinity: map }),
        override: only({
          statefulSet: only({ spec: only({ template: only({ spec: map }, ['spec']) }) }),
        }),
      }),
    },
    ['apiVersion', 'kind', 'metadata', 'spec'],
  ),
);

const CACHE = join(import.meta.dirname, '../../node_modules/.cache');
mkdirSync(CACHE, { recursive: true });
const folder = mkdtempSync(join(CACHE, 'manifests-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A program whose types are right if the manifests have no field that their type does not know. */
function programOf(manifests: readonly Manifest[]): string {
  return manifests
    .map((manifest, at) => {
      const { module } = KINDS.get(manifest.kind) ?? { module: '' };
      const type = `import('${module}/${manifest.kind}').I${manifest.kind}`;
      return `export const manifest${at}: ${type} = ${JSON.stringify(manifest)};`;
    })
    .join('\n');
}

const manifests = [
  ...build(
    join(KUBERNETES, 'stripe'),
    build(join(KUBERNETES, 'hot-homes'), build(join(KUBERNETES, 'example'))),
  ),
  ...build(join(KUBERNETES, 'hosts')),
];
const named = manifests.map(
  (manifest) => [manifest.kind, manifest.metadata.name, manifest] as const,
);

it.each(named)('%s %s is valid by its schema', (kindName, _name, manifest) => {
  if (kindName === 'RabbitmqCluster') {
    isRabbitmqCluster(manifest);
    expect(isRabbitmqCluster.errors ?? []).toEqual([]);
  } else {
    const known = KINDS.get(kindName);
    expect(known?.module.endsWith(`/${manifest.apiVersion}`)).toBe(true);
    expect(() => known?.validate(manifest)).not.toThrow();
  }
});

it('a manifest that lacks what its schema requires is refused', () => {
  const manifest = { ...manifests.find(({ kind }) => kind === 'Deployment'), spec: {} } as Manifest;
  expect(() => KINDS.get('Deployment')?.validate(manifest)).toThrow('selector');
});

it('no manifest has a field that its type does not know', () => {
  const typed = manifests.filter(({ kind }) => KINDS.has(kind));
  const wrong = JSON.parse(
    JSON.stringify(typed.filter(({ metadata }) => metadata.name === 'keeper')).replace(
      '"readOnlyRootFilesystem"',
      '"readOnlyRootFileSystem"',
    ),
  );
  for (const [name, list] of Object.entries({ right: typed, wrong })) {
    writeFileSync(join(folder, `${name}.ts`), programOf(list));
  }
  const compiler = join(import.meta.dirname, '../../node_modules/typescript/bin/tsc');
  const rules = [
    '--noEmit',
    '--strict',
    '--skipLibCheck',
    '--module',
    'nodenext',
    '--pretty',
    'false',
  ];
  const options = { cwd: folder, encoding: 'utf8' } as const;
  const { stdout } = spawnSync(
    process.execPath,
    [compiler, ...rules, '--ignoreConfig', 'right.ts', 'wrong.ts'],
    options,
  );
  const errors = stdout.split('\n').filter((line) => line.includes('error TS'));
  expect(errors).toHaveLength(1);
  expect(errors[0]).toMatch(/^wrong\.ts.*readOnlyRootFileSystem/);
});
