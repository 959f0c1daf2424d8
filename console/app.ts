import fastifyCookie from '@fastify/cookie';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify, {
  type FastifyError,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import { isOutage } from '../db/client/errors.ts';
import { EditRefused } from '../ops/quota/operator.ts';
import { isAway } from '../ops/quota/overview.ts';
import type { Context } from './context.ts';
import { Problem, sendProblem } from './http/problems.ts';
import { guard } from './login/guard.ts';
import { claimWindowRoute } from './routes/claim-window.ts';
import { customerRoutes } from './routes/customers.ts';
import { historyRoutes } from './routes/history.ts';
import { liveRoute } from './routes/live.ts';
import { oidcRoutes } from './routes/oidc.ts';
import { pageRoutes } from './routes/pages.ts';
import { previewRoutes } from './routes/preview.ts';
import { saleDeedRoutes } from './routes/sale-deeds.ts';
import { saleApplyRoute, saleFileRoutes } from './routes/sale-files.ts';
import { saleRoutes } from './routes/sales.ts';
import { blockRoutes, serviceRoutes } from './routes/service.ts';
import { sessionRoutes } from './routes/session.ts';
import { steeringRoutes } from './routes/steering.ts';

const BODY_BYTES_MAX = 65_536;
const HEADERS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 10_000;
const CONNECTIONS_MAX = 1_000;

export async function buildApp(context: Context) {
  const { log, config, sessions, cookies } = context;
  const refuse = (error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply) => {
    const problem = problemFor(error, log);
    tellRefusal(log, request, problem);
    return sendProblem(reply, problem);
  };
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: { headersTimeout: HEADERS_TIMEOUT_MS },
    frameworkErrors: refuse,
    forceCloseConnections: true,
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.server.maxConnections = CONNECTIONS_MAX;
  // Only JSON is accepted; a form of another page cannot send it.
  app.removeContentTypeParser('text/plain');
  app.setErrorHandler(refuse);
  app.setNotFoundHandler((_request, reply) => sendProblem(reply, new Problem('not_found')));
  await app.register(fastifyCookie);
  await app.register(guard, { sessions, origin: config.url, cookie: cookies.session });
  await app.register(pageRoutes, context);
  await app.register(sessionRoutes, context);
  if (config.oidc !== undefined) {
    await app.register(oidcRoutes, { ...context, oidc: config.oidc });
  }
  await app.register(liveRoute, context);
  await app.register(steeringRoutes, context);
  await app.register(customerRoutes, context);
  await app.register(serviceRoutes, context);
  await app.register(blockRoutes, context);
  await app.register(claimWindowRoute, context);
  await app.register(historyRoutes, context);
  await app.register(saleRoutes, context);
  await app.register(saleDeedRoutes, context);
  await app.register(saleFileRoutes, context);
  await app.register(saleApplyRoute, context);
  await app.register(previewRoutes, context);
  return app;
}

/** Logs changes that were refused, because the history has only those that were made. */
function tellRefusal(log: Context['log'], request: FastifyRequest, { verdict }: Problem): void {
  const { person, method, routeOptions } = request;
  const isTold = verdict === 'forbidden' || (method !== 'GET' && verdict !== 'preview');
  if (person === undefined || !isTold) return;
  const { login } = person;
  // The route, not the address: what people search for stands in no log.
  log.warn({ login, method, route: routeOptions.url, verdict }, 'a call was refused');
}

function problemFor(error: FastifyError | Error, log: Context['log']): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof EditRefused) return new Problem('refused', error.message);
  if ('statusCode' in error && (error.statusCode ?? 500) < 500) {
    return new Problem('bad_request', error.message);
  }
  if (isAway(error) || (isOutage(error) && error.kind !== 'refused')) {
    return new Problem('unavailable');
  }
  log.error({ err: error }, 'a request failed');
  return new Problem('internal_error');
}
