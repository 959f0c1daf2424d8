import { expect, test } from 'vitest';
import { check } from './elsewhere.ts';
import { isPrinted, runbookLines, runbookText } from './lines.ts';

/** The commands of the runbook. test/readme.test.ts runs them, but for those that need other machines. */

const lines = runbookLines();
const elsewhere = lines.filter(({ notRun }) => notRun !== undefined);

/** What a word in code has to be to count as a command. */
const COMMAND =
  /^(flashsale|npx|npm run|psql|SELECT|systemctl|journalctl|kubectl|docker|patronictl|pgbackrest|rabbitmq[\w-]*|curl|du|timedatectl) /;

test('commands that are not run here name what exists', () => {
  const checked = Map.groupBy(elsewhere, ({ text }) => check(text));
  // Whoever adds a command that is not run sees it here.
  expect(Object.fromEntries([...checked].map(([how, all]) => [how, all.length]))).toEqual({
    ...{
      systemctl: 10,
      journalctl: 1,
      docker: 8,
      kubectl: 8,
      patronictl: 4,
      pgbackrest: 4,
      npx: 2,
    },
    ...{ rabbitmqctl: 2, 'rabbitmq-diagnostics': 2, 'rabbitmq-queues': 1, 'not checked': 6 },
  });
  const unchecked = checked.get('not checked') ?? [];
  expect(unchecked.map(({ text }) => text.split(' ')[0])).toEqual([
    ...['git', 'npm', 'psql', 'psql', 'timedatectl', 'du'],
  ]);
});

test.each([
  'systemctl restart flashsale-shop@1',
  'systemctl replace flashsale-web@1',
  'journalctl -u flashsale-workers -n 100',
  'docker compose -f docker-compose.production.yml --env-file shop.env restart web-9',
  'docker compose -f docker-compose.production.yml --env-file shop.env again web-1',
  'kubectl rollout restart deploy/web',
  'kubectl delete pod worker-hot-0',
  'patronictl promote CLUSTER',
  'pgbackrest --stanza=regular --kind=full backup',
  'pgbackrest --stanza=regular save',
  'ssh DATABASE pgbackrest --output=json information >info.json',
  'rabbitmq-queues shrink_all NODE',
  'npx flashsale zookeeper protection',
])('%s would be found', (command) => {
  expect(() => check(command)).toThrow();
});

test('a text names only commands that a block has', () => {
  const blocks = lines.map(({ text }) => text).join('\n');
  const prose = runbookText().replaceAll(/^ *```[\s\S]*?^ *```$/gm, '');
  const named = [...prose.matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span);
  const commands = named.filter((span) => COMMAND.test(span));
  expect(commands.length).toBeGreaterThan(10);
  expect(commands.filter((command) => !blocks.includes(command))).toEqual([]);
});

test('each alert has a command', () => {
  const chapters = new Set(lines.map(({ chapter }) => chapter));
  const alerts = [...runbookText().matchAll(/^### (Flashsale\w+)$/gm)].map(([, name = '']) => name);
  expect(alerts.length).toBeGreaterThan(40);
  expect(alerts.filter((alert) => !chapters.has(alert))).toEqual([]);
});

test('what a command prints is compared with what the runbook says', () => {
  const [line] = runbookLines('## A\n\n```sh\nls x    # → exit 2: no … x\n```\n');
  expect(line).toMatchObject({ chapter: 'A', prints: 'no … x', status: 2 });
  expect(isPrinted('no … x', 'ls: no\n such x')).toBe(true);
  expect(isPrinted('no … x', 'ls: x\n no such')).toBe(false);
  expect(isPrinted('none', 'none\n')).toBe(true);
  expect(isPrinted('none', 'none of them')).toBe(false);
  expect(isPrinted(undefined, 'whatever')).toBe(true);
});
