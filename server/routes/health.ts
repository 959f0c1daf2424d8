import type { FastifyPluginAsync } from 'fastify';
import { readinessStatus } from '../../process/readiness.ts';
import type { Context } from '../context.ts';

/**
 * Liveness without I/O, readiness from cached state, and the metrics of the process that answers.
 */
export const healthRoutes: FastifyPluginAsync<Context> = async (app, { readiness, metrics }) => {
  app.get('/livez', { schema: { hide: true } }, async () => ({ status: 'live' }));

  app.get('/readyz', { schema: { hide: true } }, async (_request, reply) => {
    const report = readiness.report();
    return reply.code(readinessStatus(report)).send(report);
  });

  app.get('/metrics', { schema: { hide: true } }, async (_request, reply) => {
    return reply.type(metrics.contentType).send(await metrics.text());
  });
};
