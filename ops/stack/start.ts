import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import {
  ConfigError,
  host,
  integer,
  parseEnvironment,
  withSecretsOfFiles,
  zookeeperPath,
} from '../../contracts/config.ts';
import { leftAlone } from '../../db/install/install.ts';
import { setLogins } from '../../db/install/logins.ts';
import { prepareHomes } from '../../db/install/prepare.ts';
import { AlreadyRunning, claimStack } from './claim.ts';
import { ensureDemo } from './demo.ts';
import { PROJECT_ROOT, stackFolder } from './folder.ts';
import { LocalStack } from './local.ts';
import { PackagesMissing } from './packages.ts';
import { createProgress, type Progress } from './progress.ts';
import { rotateLogs } from './rotate.ts';
import type { Servers } from './servers.ts';
import { homeUrls } from './servers.ts';
import {
  newSettings,
  readSettings,
  type StackLogins,
  type StackState,
  whoStarts,
  writeSettings,
} from './state.ts';
import { summary } from './summary.ts';
import { toolsOf } from './tools.ts';

/**
 * `npm start`: starts the whole stack on this machine, keeps it running and stops it. With `-- --edge`
 * nginx stands in front of the web nodes, and with `-- --call-log` it writes down their calls. With `-- --watch` Prometheus, Alertmanager and exporters
 * watch the shop. `npm run cluster` does all of that with servers in threes.
 */

const ROTATE_EVERY_MS = 30_000;
/** After a signal, the start that is under way may take this long to end. */
const NOTICE_TIMEOUT_MS = 5_000;

const specs = {
  HOST: host({ default: '127.0.0.1' }),
  PORT: integer(1, 65_535)({ default: undefined }),
  ZK_ROOT: zookeeperPath({ default: '/flashsale' }),
};

async function prepareDatabases(
  servers: Servers,
  logins: StackLogins | undefined,
  progress: Progress,
): Promise<void> {
  const reports = await progress.step('migrating and installing routines', async () => {
    const prepared = await prepareHomes(homeUrls(servers));
    if (logins !== undefined) await setLogins(servers.databaseUrl, logins);
    return prepared;
  });
  for (const sentence of new Set(reports.flatMap(leftAlone))) progress.say(sentence);
}

interface Wishes {
  readonly watch: boolean;
  /** The folder of the stack. */
  readonly folder: string;
  /** The token of the console; undefined if the environment has tokens of its own. */
  readonly consoleToken: string | undefined;
}

async function bringUp(stack: LocalStack, wishes: Wishes, progress: Progress): Promise<void> {
  const servers = await stack.startServers();
  await prepareDatabases(servers, stack.logins, progress);
  await ensureDemo(servers, stack.state.zkRoot);
  await progress.step('starting web nodes, keepers and workers', () => stack.startApplication());
  if (wishes.watch)
    await progress.step('starting Prometheus and exporters', () => stack.startWatch());
  const sale = await ensureDemo(servers, stack.state.zkRoot);
  const { state, logFolder, breakLines } = stack;
  const { folder, consoleToken } = wishes;
  const broker = breakLines === undefined ? 'rabbitmq' : 'rabbit-1';
  const tools = { ...toolsOf(PROJECT_ROOT, folder, state, broker), consoleToken };
  progress.say('ready');
  console.log(summary({ state, sale, logFolder, breakLines, ...tools, now: Date.now() }));
}

/** Resolves at the first signal. Later ones have no effect, because a stop has deadlines anyway. */
function firstSignal(progress: Progress): Promise<'signal'> {
  return new Promise((resolve) => {
    let seen = false;
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(name, () => {
        if (!seen) progress.say(`${name}: stopping`);
        seen = true;
        resolve('signal');
      });
    }
  });
}

async function main(given: NodeJS.ProcessEnv, args: string[]): Promise<number> {
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    args,
    options: { edge: flag, watch: flag, cluster: flag, 'call-log': flag },
  });
  const { cluster, 'call-log': callLog } = values;
  const [edge, watch] = [values.edge || cluster || callLog, values.watch || cluster];
  const progress = createProgress((line) => console.log(line));
  // The processes of the stack inherit these variables, and the stack replaces some of them.
  const environment = withSecretsOfFiles(given);
  const { HOST, PORT, ZK_ROOT } = parseEnvironment(environment, specs);
  const folder = stackFolder(environment);
  const stopped = firstSignal(progress);
  const state: StackState = {
    version: 1,
    ...whoStarts(),
    phase: 'starting',
    startedAt: new Date().toISOString(),
    processes: [],
    sources: {},
    zkRoot: ZK_ROOT,
    monitors: {},
  };
  await claimStack(folder, state, progress);
  rotateLogs(join(folder, 'logs'));
  const rotation = setInterval(() => rotateLogs(join(folder, 'logs')), ROTATE_EVERY_MS);
  const settings = readSettings(folder) ?? newSettings();
  writeSettings(folder, settings);
  const stack = new LocalStack({
    root: PROJECT_ROOT,
    folder,
    environment,
    shop: { host: HOST, port: PORT },
    ...{ edge, callLog, watch, cluster },
    settings,
    state,
    progress,
  });

  let exitCode = 0;
  const consoleToken = environment['CONSOLE_TOKENS'] ? undefined : settings.consoleToken;
  const up = bringUp(stack, { watch, folder, consoleToken }, progress);
  const how = await Promise.race([stopped, up.then(() => 'up' as const)]).catch(
    (error: unknown) => {
      progress.say(explain(error));
      exitCode = error instanceof ConfigError ? 78 : 1;
      return 'failed' as const;
    },
  );
  if (how === 'up') await stopped;
  await stack.stop();
  if (how === 'signal') {
    // The start under way fails now. The second stop ends processes that it has started last.
    await Promise.race([up.catch(() => {}), delay(NOTICE_TIMEOUT_MS)]);
    await stack.stop();
  }
  clearInterval(rotation);
  progress.say('stopped; all data are kept');
  return exitCode;
}

/** The message of an expected error; a bug with its stack trace. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isBug = error instanceof TypeError || error instanceof RangeError;
  return isBug ? (error.stack ?? error.message) : error.message;
}

try {
  process.exit(await main(process.env, process.argv.slice(2)));
} catch (error) {
  const expected = [AlreadyRunning, ConfigError, PackagesMissing].some(
    (kind) => error instanceof kind,
  );
  console.error(expected ? (error as Error).message : explain(error));
  process.exit(error instanceof ConfigError ? 78 : 1);
}
