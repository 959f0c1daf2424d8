import { join } from 'node:path';
import { expect, it } from 'vitest';
import { build, KUBERNETES, workloadsIn } from './manifests.ts';
import { unknownTo } from './processes.ts';

/** The component for Stripe gives its secrets to the processes that use them, and to no other. */

const before = build(join(KUBERNETES, 'hot-homes'), build(join(KUBERNETES, 'base')));
const workloads = workloadsIn(build(join(KUBERNETES, 'stripe'), before));
const FILES = [
  ['STRIPE_SECRET_KEY', 'stripe_key'],
  ['STRIPE_WEBHOOK_SECRET', 'stripe_webhook'],
] as const;
/** The edge and the exporters are not programs of the shop. */
const containers = workloads.flatMap(({ name, pod }) =>
  pod.containers.flatMap((container, at) => {
    const entry = container.command?.find((word) => word.endsWith('/main.ts'));
    return entry === undefined ? [] : [[name, entry, container, pod.volumes[at]] as const];
  }),
);

it.each(containers)('%s gets the secrets that it uses', (_name, entry, { env = [] }, volume) => {
  const used = FILES.filter(([variable]) => unknownTo(entry, [variable]).length === 0);
  const given = env.filter(({ name }) => name.startsWith('STRIPE_'));
  expect(new Map(given.map(({ name, value }) => [name, value]))).toEqual(
    new Map(used.map(([variable, file]) => [`${variable}_FILE`, `/secrets/${file}`])),
  );
  const mounted = volume?.secret?.items?.map(({ key }) => key) ?? [];
  expect(mounted.filter((key) => key.startsWith('stripe_')).sort()).toEqual(
    used.map(([, file]) => file).sort(),
  );
});

it('commands of operators ask Stripe as well', () => {
  const pod = workloads.find(({ name }) => name === 'operator')?.pod;
  const [operator, dba] = pod?.containers ?? [];
  const key = { name: 'STRIPE_SECRET_KEY_FILE', value: '/secrets/stripe_key' };
  expect(operator?.env).toContainEqual(key);
  expect(dba?.env).not.toContainEqual(key);
});
