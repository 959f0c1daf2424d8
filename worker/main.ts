import { run } from '../process/lifecycle.ts';
import { createLog } from '../process/log.ts';
import { compose } from './compose.ts';
import { readConfig } from './config.ts';

/** Entry of the worker, which decides the requests of its queues and maintains the orders. */
await run(async (lifecycle) => {
  const config = readConfig(process.env);
  const log = createLog('worker', config.logLevel);
  const { monitor } = await compose(config, log, lifecycle);
  log.info({ queues: config.queues, monitorPort: monitor.port }, 'worker started');
});
