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

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The answers of the route are the same for everybody, refusals included. */
    isPublic?: boolean;
  }
}

/** What is refused to everybody may be kept for a second as well. */
const KEPT_REFUSALS = [404];

export interface PublicAnswer {
  readonly body: string;
  readonly etag: string;
  readonly type: string;
  /** The keys by which a CDN purges it. */
  readonly keys: string;
  readonly shopTimeMs: number;
  readonly status?: number;
}

/** @returns `Cache-Control` of a refusal */
export function refusalCaching({ method, routeOptions }: FastifyRequest, status: number): string {
  const isRead = method === 'GET' || method === 'HEAD';
  // An address without a route is refused before anything is known of the client.
  const isPublic = routeOptions.url === undefined || routeOptions.config.isPublic === true;
  return isRead && isPublic && KEPT_REFUSALS.includes(status) ? FOR_A_SECOND : 'no-store';
}

/** A refusal is of no use in an outage, so the edge does not keep it in place of its last copy. */
export function keepOutOfLastCopies(request: FastifyRequest, reply: FastifyReply): void {
  if (request.headers[EDGE_ASKED] !== undefined) reply.header('x-accel-expires', '0');
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
    // A refusal is of no use in an outage.
    reply.headers({ [EDGE_ASKED]: asked, 'x-accel-expires': status === 200 ? '@1' : '0' });
  }
  if (status === 200 && fresh(request.headers, { etag })) return reply.code(304).send();
  return reply.code(status).type(type).send(body);
}
