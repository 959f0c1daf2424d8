import type { FastifyPluginAsync } from 'fastify';
import type { Moment } from '../../ops/live/feed.ts';
import type { Context } from '../context.ts';
import { Problem } from '../http/problems.ts';
import { personOf } from '../login/guard.ts';

/** Each viewer holds a connection. */
const VIEWERS_MAX = 200;

/**
 * The live view as one event stream: first the points of the last minutes (`points`), then a view
 * each second (`view`). All viewers share the looks and their text. The stream ends with the session.
 */
export const liveRoute: FastifyPluginAsync<Context> = async (app, context) => {
  const { feed, sessions, stopping } = context;
  const texts = new WeakMap<Moment, string>();
  const textOf = (view: Moment): string => {
    const text = texts.get(view) ?? event('view', view);
    texts.set(view, text);
    return text;
  };

  app.get('/api/live', { config: { role: 'viewer' } }, (request, reply) => {
    if (feed.viewers >= VIEWERS_MAX) throw new Problem('too_many_viewers');
    const { id } = personOf(request);
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      // nginx would hold events back otherwise.
      'x-accel-buffering': 'no',
    });
    raw.write(event('points', feed.points));
    const end = () => {
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
