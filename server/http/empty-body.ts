import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';

/**
 * Accepts a media type without a body, because many clients send one with every call. A call that
 * needs no body goes on. For any other call, the schema says what is missing.
 */
export const emptyBodies = fastifyPlugin(async (app: FastifyInstance) => {
  app.addHook('onRequest', async ({ headers }) => {
    if (headers['content-length'] === '0') delete headers['content-type'];
  });
  // A body without a length turns out to be empty only when it is read.
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser<string>(
    'application/json',
    { parseAs: 'string' },
    (request, body, done) => {
      if (body === '') done(null);
      else parse(request, body, done);
    },
  );
});
