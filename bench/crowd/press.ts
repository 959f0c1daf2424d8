import { Line } from './line.ts';

export interface Pressed {
  readonly answers: number;
  /** Answers by HTTP status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** From the first press to the last answer. */
  readonly seconds: number;
  readonly startedAtMs: number;
}

/**
 * Sends requests over `connections` sockets until there are no more. Each socket sends its next
 * request when the last one was answered.
 */
export async function press(
  { host, port }: { readonly host: string; readonly port: number },
  connections: number,
  next: () => Buffer | string | undefined,
): Promise<Pressed> {
  const statuses: Record<string, number> = {};
  let answers = 0;
  const end = Promise.withResolvers<void>();
  const lines = await Promise.all(
    Array.from({ length: connections }, () => Line.open(host, port, end.reject)),
  );
  const startedAtMs = Date.now();
  const clockMs = performance.now();
  let busy = lines.length;
  const pressOn = (line: Line) => {
    const request = next();
    if (request === undefined) {
      busy -= 1;
      if (busy === 0) end.resolve();
      return;
    }
    line.ask(request, (status) => {
      answers += 1;
      statuses[status] = (statuses[status] ?? 0) + 1;
      pressOn(line);
    });
  };
  for (const line of lines) pressOn(line);
  await end.promise;
  const seconds = (performance.now() - clockMs) / 1_000;
  for (const line of lines) line.end();
  return { answers, statuses, seconds, startedAtMs };
}
