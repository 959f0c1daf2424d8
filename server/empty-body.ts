import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';

/**
 * Many clients name a media type for every call. Where the body is empty there is nothing to be read: a
 * call that needs none goes on, and any other one hears from its schema what is missing.
 */
export const emptyBodies = fastifyPlugin(async (app: FastifyInstance) => {
  app.addHook('onRequest', async ({ headers }) => {
    if (headers['content-length'] === '0') delete headers['content-type'];
  });
  // Without a length it turns out to be empty when it is read.
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
