import type { FastifyReply } from 'fastify';

/**
 * Aborted when the client disconnects or the process is asked to end. The listener is on the answer
 * and not on its socket, because the socket lives on and would get one more listener with each
 * request.
 */
export function goneSignal(reply: FastifyReply, stopping: AbortSignal): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return AbortSignal.any([gone.signal, stopping]);
}
