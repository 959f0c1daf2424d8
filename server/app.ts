import rateLimit from '@fastify/rate-limit';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify, { type FastifyError, type FastifyReply, LogController } from 'fastify';
import { DatabaseError } from '../db/errors.ts';
import type { Context } from './context.ts';
import { Problem } from './problems.ts';
import { buyRoute } from './routes/buy.ts';
import { demoRoutes } from './routes/demo.ts';
import { docsRoutes } from './routes/docs.ts';
import { healthRoutes } from './routes/health.ts';
import { orderRoutes } from './routes/orders.ts';
import { pageRoutes } from './routes/pages.ts';
import { paymentRoute } from './routes/payment.ts';
import { requestRoutes } from './routes/requests.ts';
import { saleRoutes } from './routes/sales.ts';
import { ticketRoute } from './routes/tickets.ts';
import { compileValidator } from './validation.ts';

/** Limits of the HTTP server. Long-polls are answers that take long, not requests. */
const BODY_BYTES_MAX = 16_384;
const REQUEST_TIMEOUT_MS = 10_000;
const CONNECTION_TIMEOUT_MS = 0; // idle sockets of waiting shoppers are legitimate
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
const PATH_PARAMETER_LENGTH_MAX = 256;
/** Users or addresses that each limiter remembers; the least recent are forgotten. */
const RATE_LIMIT_KEYS_MAX = 50_000;
const HEADER_BYTES_MAX = 16_384;

export type App = Awaited<ReturnType<typeof buildApp>>;

export async function buildApp(context: Context) {
  const { config } = context;
  const app = Fastify({
    loggerInstance: context.log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    http: { maxHeaderSize: HEADER_BYTES_MAX },
    routerOptions: { maxParamLength: PATH_PARAMETER_LENGTH_MAX },
    trustProxy: config.trustProxy ?? false,
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.setValidatorCompiler(compileValidator);
  // JSON is the only language here; anything else is 415.
  app.removeContentTypeParser('text/plain');
  app.decorateRequest('userId', '');
  app.setErrorHandler((error: FastifyError, _request, reply) => answerError(context, error, reply));
  app.setNotFoundHandler((_request, reply) => sendProblem(reply, new Problem('not_found')));
  await app.register(rateLimit, { global: false, cache: RATE_LIMIT_KEYS_MAX });
  await app.register(docsRoutes);
  await app.register(healthRoutes, context);
  await app.register(pageRoutes, context);
  await app.register(saleRoutes, context);
  await app.register(ticketRoute, context);
  await app.register(buyRoute, context);
  await app.register(requestRoutes, context);
  await app.register(orderRoutes, context);
  await app.register(paymentRoute, context);
  if (config.demo) await app.register(demoRoutes, context);
  return app;
}

export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  if (problem.retryAfterSeconds !== undefined) {
    reply.header('retry-after', problem.retryAfterSeconds);
  }
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer');
  reply.header('cache-control', 'no-store');
  return reply.code(problem.status).type('application/problem+json').send(problem.document());
}

function answerError(context: Context, error: FastifyError | Problem, reply: FastifyReply) {
  if (error instanceof Problem) return sendProblem(reply, error);
  if (error instanceof DatabaseError && error.kind !== 'refused') {
    return sendProblem(reply, new Problem('overloaded'));
  }
  const status = error.statusCode ?? 500;
  if (status < 500) {
    // Fastify's own refusals: malformed or too large bodies, wrong media types, failed schemas.
    return sendProblem(reply, new Problem('bad_request', { detail: error.message, status }));
  }
  context.log.error({ err: error }, 'a request failed');
  return sendProblem(reply, new Problem('internal_error'));
}
