import type { FastifyPluginAsync } from 'fastify';
import type { Moment } from '../../ops/live/feed.ts';
import type { Context } from '../context.ts';
import { Problem } from '../http/problems.ts';
import { personOf } from '../login/guard.ts';

/** Each viewer holds a connection. */
const VIEWERS_MAX = 200;
/** Open pages of one person. Nobody can take the places of all others. */
const VIEWERS_OF_PERSON_MAX = 20;

/**
 * The live view as one event stream: first the points of the last minutes (`points`), then a view
 * each second (`view`). All viewers share the looks and their text. The stream ends with the session.
 */
export const liveRoute: FastifyPluginAsync<Context> = async (app, context) => {
  const { feed, sessions, stopping } = context;
  const texts = new WeakMap<Moment, string>();
  const open = new Map<string, number>();
  const textOf = (view: Moment): string => {
    const text = texts.get(view) ?? event('view', view);
    texts.set(view, text);
    return text;
  };

  app.get('/api/live', { config: { role: 'viewer' } }, (request, reply) => {
    const { id, login } = personOf(request);
    const own = open.get(login) ?? 0;
    if (feed.viewers >= VIEWERS_MAX || own >= VIEWERS_OF_PERSON_MAX) {
      throw new Problem('too_many_viewers');
    }
    open.set(login, own + 1);
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      // nginx would hold events back otherwise.
      'x-accel-buffering': 'no',
    });
    raw.write(event('points', feed.points));
    let hasEnded = false;
    const end = () => {
      if (hasEnded) return;
      hasEnded = true;
      const left = (open.get(login) ?? 1) - 1;
      if (left > 0) open.set(login, left);
      else open.delete(login);
      feed.leave(viewer);
      stopping.removeEventListener('abort', end);
      // A stalled connection would never get the rest.
      if (raw.destroyed || raw.writableNeedDrain) raw.destroy();
      else raw.end();
    };
    const viewer = (view: Moment) => {
      if (raw.destroyed || sessions.find(id) === undefined) return end();
      // A viewer that cannot keep up misses views instead of filling the memory.
      if (!raw.writableNeedDrain) raw.write(textOf(view));
    };
    stopping.addEventListener('abort', end, { once: true });
    raw.on('close', end);
    feed.watch(viewer);
  });
};

function event(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
