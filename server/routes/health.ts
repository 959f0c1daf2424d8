import type { FastifyPluginAsync } from 'fastify';
import type { Context } from '../context.ts';

/** Liveness without I/O, readiness from cached state, metrics of the process that answers. */
export const healthRoutes: FastifyPluginAsync<Context> = async (app, { notReady, metrics }) => {
  app.get('/livez', { schema: { hide: true } }, async () => ({ status: 'live' }));

  app.get('/readyz', { schema: { hide: true } }, async (_request, reply) => {
    const waitingFor = notReady();
    const ready = waitingFor.length === 0;
    return reply
      .code(ready ? 200 : 503)
      .send({ status: ready ? 'ready' : 'not ready', waitingFor });
  });

  app.get('/metrics', { schema: { hide: true } }, async (_request, reply) => {
    return reply.type(metrics.contentType).send(await metrics.text());
  });
};
