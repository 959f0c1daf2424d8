import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify, {
  type FastifyError,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import type { Context } from './context.ts';
import { emptyBodies } from './http/empty-body.ts';
import { HeldSockets } from './http/held-sockets.ts';
import { answerOf, Problem, problemOf } from './http/problems.ts';
import { keepOutOfLastCopies, refusalCaching } from './http/public-answer.ts';
import { compileValidator } from './http/validation.ts';
import {
  answerBrokenRequest,
  closeIdle,
  createListener,
  KEEP_ALIVE_TIMEOUT_MS,
} from './listener.ts';
import { PurchaseHandler } from './purchase/handler.ts';
import { buyRoute } from './routes/buy.ts';
import { challengeRoute } from './routes/challenges.ts';
import { checkoutRoute } from './routes/checkout.ts';
import { codeRoutes } from './routes/codes.ts';
import { dayRoutes } from './routes/days.ts';
import { demoRoutes } from './routes/demo.ts';
import { docsRoutes } from './routes/docs.ts';
import { healthRoutes } from './routes/health.ts';
import { noticeRoutes } from './routes/notices.ts';
import { orderRoutes } from './routes/orders.ts';
import { pageRoutes } from './routes/pages.ts';
import { paymentRoutes } from './routes/payment.ts';
import { requestRoutes } from './routes/requests.ts';
import { saleRoutes } from './routes/sales.ts';
import { ticketRoute } from './routes/tickets.ts';
import { unitRoutes } from './routes/units.ts';
import { waitingRoutes } from './routes/waiting.ts';
import { createStatusCalls } from './status-calls.ts';

const BODY_BYTES_MAX = 16_384;
const PATH_PARAMETER_LENGTH_MAX = 256;

export async function buildApp(context: Context) {
  const { config } = context;
  const purchases = new PurchaseHandler(context);
  const sockets = new HeldSockets(KEEP_ALIVE_TIMEOUT_MS / 1_000);
  const statusCalls = createStatusCalls(context, sockets);
  const refuse = (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
    const problem = problemFor(context, error);
    const { url = 'none' } = request.routeOptions;
    context.metrics.refusals.inc({ route: url, verdict: problem.verdict });
    return sendProblem(request, reply, problem);
  };
  const app = Fastify({
    loggerInstance: context.log,
    // One logger for all requests: a child logger for each waiting request would take a kilobyte,
    // for a line that is never written.
    childLoggerFactory: (logger) => logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_BYTES_MAX,
    // Fastify's own 503 has neither a verdict nor Retry-After. Requests that still arrive are
    // answered.
    return503OnClosing: false,
    // Handles URLs that the router cannot parse.
    frameworkErrors: refuse,
    clientErrorHandler: (error, socket) => answerBrokenRequest(error, socket),
    serverFactory: (routes) => createListener({ purchases, statusCalls, sockets, routes }),
    routerOptions: { maxParamLength: PATH_PARAMETER_LENGTH_MAX },
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.setValidatorCompiler(compileValidator);
  // Only JSON is accepted; anything else gets 415.
  app.removeContentTypeParser('text/plain');
  await app.register(emptyBodies);
  app.decorateRequest('userId', '');
  app.setErrorHandler(refuse);
  app.setNotFoundHandler((request, reply) => sendProblem(request, reply, new Problem('not_found')));
  await app.register(docsRoutes);
  await app.register(healthRoutes, context);
  await app.register(pageRoutes, context);
  await app.register(saleRoutes, context);
  await app.register(unitRoutes, context);
  await app.register(challengeRoute, context);
  await app.register(ticketRoute, context);
  await app.register(buyRoute, purchases);
  await app.register(requestRoutes, { ...context, statusCalls });
  await app.register(waitingRoutes, context);
  await app.register(orderRoutes, context);
  await app.register(codeRoutes, context);
  await app.register(dayRoutes, context);
  await app.register(noticeRoutes, context);
  await app.register(checkoutRoute, context);
  await app.register(paymentRoutes, context);
  if (config.demo) await app.register(demoRoutes, context);
  app.addHook('onResponse', async ({ routeOptions }, reply) => {
    const status = `${Math.floor(reply.statusCode / 100)}xx`;
    context.metrics.httpSeconds.observe(
      { route: routeOptions.url ?? 'none', status },
      reply.elapsedTime / 1_000,
    );
  });
  app.addHook('preClose', async () => closeIdle(app.server, sockets));
  return app;
}

function sendProblem(request: FastifyRequest, reply: FastifyReply, problem: Problem): FastifyReply {
  const { status, headers, body } = answerOf(problem);
  for (let at = 0; at < headers.length; at += 2) reply.header(headers[at] ?? '', headers[at + 1]);
  reply.header('cache-control', refusalCaching(request, status));
  keepOutOfLastCopies(request, reply);
  return reply.code(status).send(body);
}

function problemFor(context: Context, error: FastifyError | Problem): Problem {
  if (error instanceof Problem) return error;
  const status = error.statusCode ?? 500;
  // Fastify's own errors: malformed or too large bodies, wrong media types, failed schemas.
  if (status < 500) return new Problem('bad_request', { detail: error.message, status });
  return problemOf(error, context.log);
}
