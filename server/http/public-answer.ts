import type { FastifyReply, FastifyRequest } from 'fastify';
import fresh from 'fresh';

/**
 * Answers that are the same for everybody. An edge may keep each for a second, and a CDN may purge it by
 * its key. The page must know the shop's time although such an answer may be a second old, or older
 * while no web node answers: it adds the age of the answer, which the edge's own clock measures.
 */

/** The shop's time when this answer was written, in milliseconds since 1970. */
const SHOP_TIME = 'x-shop-time';
/** When the edge asked, by its own clock. The edge keeps it with the answer. */
const EDGE_ASKED = 'x-edge-asked';
const EDGE_TIME = /^\d{1,12}\.\d{3}$/;

export const FOR_A_SECOND = 'public, max-age=1';

export interface PublicAnswer {
  readonly body: string;
  readonly etag: string;
  readonly type: string;
  /** The keys by which a CDN purges it. */
  readonly keys: string;
  readonly shopTimeMs: number;
  readonly status?: number;
}

export function sendPublic(
  request: FastifyRequest,
  reply: FastifyReply,
  { body, etag, type, keys, shopTimeMs, status = 200 }: PublicAnswer,
): FastifyReply {
  const { [EDGE_ASKED]: asked } = request.headers;
  reply.headers({
    etag,
    'cache-control': FOR_A_SECOND,
    'surrogate-key': keys,
    [SHOP_TIME]: String(Math.round(shopTimeMs)),
  });
  if (typeof asked === 'string' && EDGE_TIME.test(asked)) {
    // `@1` is a second in 1970: the edge asks again each time, and keeps the answer for an outage.
    reply.headers({ [EDGE_ASKED]: asked, 'x-accel-expires': '@1' });
  }
  if (status === 200 && fresh(request.headers, { etag })) return reply.code(304).send();
  return reply.code(status).type(type).send(body);
}
