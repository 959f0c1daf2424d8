import { type Logger, pino } from 'pino';
import type { LOG_LEVELS } from '../contracts/config.ts';

export type Log = Logger;

/** Where secrets may stand in a logged object; they are replaced, wherever they are nested one deep. */
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
 * Structured log lines (JSON) on standard output, one logger a process.
 * Refusals are never logged a line each: they are counters (`process/metrics.ts`).
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

/** A URL as it may be shown: user and host, never the password. */
function withoutPassword(url: string): string {
  if (!URL.canParse(url)) return '[not a URL]';
  const parsed = new URL(url);
  if (parsed.password !== '') parsed.password = '***';
  return parsed.href;
}
