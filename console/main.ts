import { run } from '../process/lifecycle.ts';
import { createLog } from '../process/log.ts';
import { compose } from './compose.ts';
import { readConfig } from './config.ts';

/** Starts a console. */
await run(async (lifecycle) => {
  const config = readConfig(process.env);
  const log = createLog('console', config.logLevel);
  const { app, monitor } = await compose(config, log, lifecycle);
  await app.listen(config.listen);
  log.info({ consoleUrl: config.url, monitorPort: monitor.port }, 'console listens');
});
