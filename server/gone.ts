import type { FastifyReply } from 'fastify';

/**
 * Aborted when the client has hung up, or the process is asked to end. On the answer, not on its
 * socket: that one lives on and would collect a listener a request.
 */
export function goneSignal(reply: FastifyReply, stopping: AbortSignal): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return AbortSignal.any([gone.signal, stopping]);
}
