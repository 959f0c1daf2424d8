import { run } from '../process/lifecycle.ts';
import { createLog } from '../process/log.ts';
import { compose } from './compose.ts';
import { readConfig } from './config.ts';

declare module 'fastify' {
  interface FastifyListenOptions {
    /** SO_REUSEPORT: Fastify passes it to node:net, but its types do not have it yet. */
    reusePort?: boolean;
  }
}

/** Starts a web node. */
await run(async (lifecycle) => {
  const config = readConfig(process.env);
  const log = createLog('web', config.logLevel);
  const { app, monitor } = await compose(config, log, lifecycle);
  // All web nodes of a machine share one address, and the kernel distributes connections to them.
  const url = await app.listen({ ...config.listen, reusePort: true });
  log.info({ url, monitorPort: monitor.port }, 'web node listens');
});
