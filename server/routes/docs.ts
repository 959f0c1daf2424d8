import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { SECURITY_HEADERS } from './pages.ts';

/** Swagger UI needs inline styles; its scripts are ordinary files. */
const READER_POLICY =
  "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; " +
  "object-src 'none'; img-src 'self' data:; style-src 'self' 'unsafe-inline'";

/** OpenAPI 3.1 from the schemas of the routes: at /openapi.json, and as a page at /docs. */
export const docsRoutes = fastifyPlugin(async (app: FastifyInstance) => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Flash sale',
        version: '1.0.0',
        description:
          'Buy one of a few units that many want. Refusals and errors are ' +
          'application/problem+json with a `verdict`; those that may change carry Retry-After.',
      },
      components: {
        securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      },
    },
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: READER_POLICY,
    uiHooks: {
      onRequest(_request, reply, next) {
        reply.headers({ ...SECURITY_HEADERS, 'content-security-policy': READER_POLICY });
        next();
      },
    },
  });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
});
