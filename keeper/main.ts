import { run } from '../process/lifecycle.ts';
import { createLog } from '../process/log.ts';
import { compose } from './compose.ts';
import { readConfig } from './config.ts';

/** Entry point of a quota keeper. */
await run(async (lifecycle) => {
  const config = readConfig(process.env);
  const log = createLog('keeper', config.logLevel);
  const { keeper, monitor } = await compose(config, log, lifecycle);
  log.info({ keeper: keeper.id, monitorPort: monitor.port }, 'keeper stands for election');
});
