import { type Logger, pino } from 'pino';
import type { LOG_LEVELS } from '../contracts/config.ts';

export type Log = Logger;

/**
 * Keys whose values are redacted, at the top level of a logged object, one level below and in
 * `req.headers`.
 */
const SECRET_KEYS = [
  'authorization',
  'token',
  'ticket',
  'secret',
  'password',
  'cookie',
  'idempotency-key',
  'webhook-signature',
  'x-proxy-secret',
];

/**
 * Writes structured log lines (JSON) to standard output; one logger for each process. Refused
 * requests are counted (`process/metrics.ts`), not logged one by one.
 */
export function createLog(name: string, level: (typeof LOG_LEVELS)[number]): Log {
  const paths = SECRET_KEYS.flatMap((key) => [
    `["${key}"]`,
    `*["${key}"]`,
    `req.headers["${key}"]`,
  ]);
  return pino({
    name,
    level,
    redact: { paths, censor: '[redacted]' },
    serializers: { err: pino.stdSerializers.err, url: withoutPassword },
    timestamp: pino.stdTimeFunctions.isoTime,
  });
}

/** The URL with its password replaced. */
function withoutPassword(url: string): string {
  if (!URL.canParse(url)) return '[not a URL]';
  const parsed = new URL(url);
  if (parsed.password !== '') parsed.password = '***';
  return parsed.href;
}
