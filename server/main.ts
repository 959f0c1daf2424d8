import { run } from '../process/lifecycle.ts';
import { createLog } from '../process/log.ts';
import { compose } from './compose.ts';
import { readConfig } from './config.ts';

declare module 'fastify' {
  interface FastifyListenOptions {
    /** SO_REUSEPORT; Fastify hands it on to node:net, its types do not know it yet. */
    reusePort?: boolean;
  }
}

/** A web node: sheds, checks, draws down its grant, publishes, and says what became of it. */
await run(async (lifecycle) => {
  const config = readConfig(process.env);
  const log = createLog('web', config.logLevel);
  const { app, monitor } = await compose(config, log, lifecycle);
  // All web nodes of a machine share one address; the kernel spreads connections over them.
  const url = await app.listen({ ...config.listen, reusePort: true });
  log.info({ url, monitorPort: monitor.port }, 'web node listens');
});
