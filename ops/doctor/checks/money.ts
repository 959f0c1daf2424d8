import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SECRET_VARIABLES, weakSecrets } from '../../../contracts/secrets.ts';
import { type Check, count, type Finding, few, no, notKnown, ok, unless } from '../check.ts';
import { NotKnown } from '../sources/not-known.ts';
import { type ProcessFacts, samplesOf } from '../sources/processes.ts';

/** Payment keys and secrets. Processes never show a secret: only whether it takes money, and whether two differ. */

const PAYMENTS = 'see docs/operating.md#take-payments';

function ofMode(mode: string, provider: string, isDemo: boolean): Finding {
  switch (mode) {
    case 'live':
      return ok(`orders are paid with real money, by ${provider}`, 'flashsale payments reconcile');
    case 'test':
      return no(`${provider} has a test key: orders are paid without money`, PAYMENTS);
    case 'demo':
      return isDemo
        ? ok('a demo: orders are paid without money', PAYMENTS)
        : no('this shop is a demo: orders are paid without money', 'flashsale doctor --demo');
    default:
      return notKnown(
        'payments are taken elsewhere (PAYMENT_PROVIDER=standard): only that system knows whether its keys are live',
        'look there, then: flashsale doctor --without payments',
      );
  }
}

export const payments: Check = {
  name: 'payments',
  about: 'whether orders are paid with real money, and all processes agree on it',
  async look(sources) {
    const { all } = await sources.processes();
    const paying = all.filter(({ kind }) => kind === 'web' || kind === 'worker');
    const modes = Map.groupBy(paying, (process) => {
      const { provider = '', mode = '' } =
        samplesOf(process, 'flashsale_payment_mode')[0]?.labels ?? {};
      return `${provider} ${mode}`.trim();
    });
    const silent = modes.get('') ?? [];
    if (paying.length === 0 || silent.length > 0) {
      const who =
        silent.length > 0 ? few(silent.map(({ name }) => name)) : 'no web node and worker';
      throw new NotKnown(
        `how orders are paid: ${who} does not tell`,
        'flashsale doctor, see versions',
      );
    }
    if (modes.size > 1) {
      const each = [...modes].map(
        ([mode, some]) => `${mode} (${few(some.map(({ name }) => name))})`,
      );
      return [no(`processes take payments in several ways: ${each.join('; ')}`, PAYMENTS)];
    }
    const [only = ''] = modes.keys();
    const [provider = '', mode = ''] = only.split(' ');
    return [ofMode(mode, provider, sources.options.isDemo)];
  },
};

type Environment = Readonly<Record<string, string | undefined>>;

const OTHERS_READ = 0o004;
const OTHERS_ENTER = 0o001;

/** A file that everybody may read is hidden by a folder that only its owner may enter. */
async function readableFiles(environment: Environment): Promise<string[]> {
  const open: string[] = [];
  for (const name of Object.keys(SECRET_VARIABLES)) {
    const file = environment[`${name}_FILE`];
    if (!file) continue;
    const [own, folder] = await Promise.all([stat(file), stat(dirname(file))]);
    if (own.mode & OTHERS_READ && folder.mode & OTHERS_ENTER) open.push(`${name}_FILE`);
  }
  return open;
}

/** Secrets that differ between processes which have to have the same. */
function differing(all: readonly ProcessFacts[]): Finding[] {
  const samples = all.flatMap((process) =>
    samplesOf(process, 'flashsale_secret_mark').map(({ labels }) => ({
      name: process.name,
      secret: labels['secret'] ?? '',
      mark: labels['mark'],
    })),
  );
  return [...Map.groupBy(samples, ({ secret }) => secret)].flatMap(([secret, some]) => {
    const marks = Map.groupBy(some, ({ mark }) => mark);
    if (marks.size <= 1) return [];
    const groups = [...marks.values()].map((group) => few(group.map(({ name }) => name)));
    const reason = `${secret} differs: ${groups.join(' have another than ')}`;
    return [no(reason, `give all the same ${secret}, and restart those that had another`)];
  });
}

export const secrets: Check = {
  name: 'secrets',
  about: 'whether secrets are strong, hidden from other users, and the same in all processes',
  async look(sources) {
    const { environment } = sources.addresses;
    const { isDemo } = sources.options;
    const weak = isDemo ? [] : weakSecrets(sources.addresses.secrets);
    const { all } = await sources.processes();
    const problems = [
      ...weak.map((reason) => no(reason, 'flashsale secrets new FOLDER')),
      ...(await readableFiles(environment)).map((name) =>
        no(`every user of this machine may read the file of ${name}`, 'chmod 700 its folder'),
      ),
      ...differing(all),
    ];
    const shared = new Set(
      all.flatMap((one) =>
        samplesOf(one, 'flashsale_secret_mark').map(({ labels }) => labels['secret']),
      ),
    );
    const well = `${isDemo ? 'a demo: not looked whether they are published; ' : ''}${count(shared.size, 'secret')} the same in all processes`;
    return unless(problems, ok(well, 'ls -l the folder of the secrets'));
  },
};
