import { setTimeout as delay } from 'node:timers/promises';
import { QueueLook } from '../../broker/queues.ts';
import { list, parseEnvironment } from '../../contracts/config.ts';
import { monitorUrl } from '../../contracts/console.ts';
import { Collector } from '../live/collector.ts';
import { runningStack } from '../stack/running.ts';
import { withBroker } from './broker.ts';
import type { AddCommand, CommandContext } from './command.ts';
import { withDatabases } from './databases.ts';
import { liveText } from './live-text.ts';
import { withZookeeper } from './zookeeper.ts';

/** `flashsale top`: the live view of the console in a terminal. */

const INTERVAL_MS = 1_000;
/** Moves the cursor to the top and clears what is below: the screen does not flicker. */
const HOME = '\u001b[H';
const CLEAR_LINE_END = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

const specs = {
  WEB_MONITORS: list('URLs such as http://web:9100', monitorUrl)({ default: undefined }),
};

/** WEB_MONITORS, else those of the running local stack; none if neither is there. */
function monitorsOf({ environment }: CommandContext): readonly string[] {
  const { WEB_MONITORS: given } = parseEnvironment(environment, specs);
  if (given !== undefined) return given;
  try {
    const variables = Object.entries(runningStack(environment));
    return variables.flatMap(([name, url]) => (/^WEB_\d+_MONITOR_URL$/.test(name) ? [url] : []));
  } catch {
    return [];
  }
}

interface Options {
  readonly once?: boolean;
  readonly json?: boolean;
}

export const addTop: AddCommand = (program, context) => {
  program
    .command('top')
    .description('show the running sale, once a second, as the console does')
    .option('--once', 'show it once')
    .option('--json', 'print each look as one line of JSON')
    .action(async ({ once, json }: Options) => {
      const monitors = monitorsOf(context);
      const stop = new AbortController();
      for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
      await withZookeeper(context, (session, paths) =>
        withDatabases(context, 'ops', (databases) =>
          withBroker(context, async (broker) => {
            const queueLook = new QueueLook(broker);
            const queues = () => queueLook.figures();
            const collector = new Collector({ session, paths, databases, queues, monitors });
            // Rates are known from the second look on.
            await collector.look();
            while (!stop.signal.aborted) {
              await delay(INTERVAL_MS, undefined, { signal: stop.signal }).catch(() => {});
              if (stop.signal.aborted && !once) break;
              const view = await collector.look();
              if (json) console.log(JSON.stringify(view));
              else show(liveText(view), once === true);
              if (once) break;
            }
          }),
        ),
      );
    });
};

function show(text: string, once: boolean): void {
  if (once || !process.stdout.isTTY) {
    console.log(text);
    return;
  }
  const rows = (process.stdout.rows ?? 24) - 1;
  const lines = text.split('\n').slice(0, rows);
  process.stdout.write(HOME + lines.map((line) => line + CLEAR_LINE_END).join('\n') + CLEAR_BELOW);
}
