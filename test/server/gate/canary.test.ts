import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, describe, expect, it } from 'vitest';
import type { Log } from '../../../process/log.ts';
import { PROGRAM_ENVIRONMENT } from '../../children.ts';
import { openWebNode } from '../web-node.ts';

/** Looks for secrets in all output of a web node: logs, errors, headers, bodies, metrics. */

const ROOT = join(import.meta.dirname, '..', '..', '..');
/** A process without its servers logs more lines than this, about each of them. */
const LINES_OF_FAILURES = 3;
const canary = () => `canary${randomBytes(24).toString('hex')}`;
const closers: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const close of closers) await close();
});

/**
 * A log that keeps its lines, with every level and without redaction, so that the test does not
 * rely on redaction.
 */
function keepingLog() {
  const lines: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
  return { lines, log: log as Log };
}

describe('the output', () => {
  it('of a web node contains no secret, whatever is sent to it', async () => {
    const [jwtSecret, payment] = [canary(), `whsec_${randomBytes(32).toString('base64')}`];
    const [databasePassword, brokerPassword] = [canary(), canary()];
    const { lines, log } = keepingLog();
    const node = await openWebNode({
      log,
      jwtSecret,
      environment: {
        PAYMENT_WEBHOOK_SECRET: payment,
        DATABASE_URL: `postgres://shop:${databasePassword}@127.0.0.1:1/none`,
        AMQP_URL: `amqp://shop:${brokerPassword}@127.0.0.1:1/none`,
        RATE_LIMIT_IP_PER_SECOND: '100000',
        RATE_LIMIT_USER_PER_SECOND: '100000',
      },
    });
    closers.push(() => node.close());
    node.world.challenge = { mode: 'on', factor: 1 };
    const token = node.tokenOf('ada');
    const ticket = node.ticketOf('ada');
    const said: string[] = [];
    const calls: [string, string, string?][] = [
      ['POST', `/api/v1/buy/${ticket}`, '{"quantity":1}'],
      ['POST', `/api/v1/buy/${ticket}`, '{"quantity":'],
      ['POST', `/api/v1/buy/${node.ticketOf('eve')}`, '{"quantity":1}'],
      ['POST', '/api/v1/sales/demo/tickets', '{"sku":"TV"}'],
      ['POST', '/api/v1/sales/demo/tickets', '{"sku":"TV","challenge":"e30="}'],
      ['POST', '/api/v1/sales/demo/challenges', '{"sku":"TV"}'],
      ['POST', '/api/v1/sales/demo/tickets', '{"sku":1}'],
      // The database does not answer, so the node logs an error of its own.
      ['GET', '/api/v1/orders'],
      ['GET', '/api/v1/orders/1'],
      ['POST', '/api/v1/orders/1/cancel'],
      ['POST', '/api/v1/orders/1/payment', '{"type":"payment.succeeded"}'],
      ['POST', '/api/v1/demo/orders/1/pay'],
      ['GET', '/api/v1/requests/00000000-0000-4000-8000-000000000000'],
      ['GET', '/api/v1/sales/demo'],
      ['GET', '/readyz'],
      ['GET', '/metrics'],
      ['GET', '/openapi.json'],
      ['GET', '/nowhere?token=x'],
    ];
    for (const [method, url, payload] of calls) {
      for (const authorization of [`Bearer ${token}`, `Bearer ${token}x`, undefined]) {
        const answer = await node.app.inject({
          method: method as 'GET' | 'POST',
          url,
          headers: {
            ...(authorization !== undefined && { authorization }),
            ...(payload !== undefined && { 'content-type': 'application/json' }),
            'webhook-id': 'msg_1',
            'webhook-timestamp': '1',
            'webhook-signature': 'v1,forged',
          },
          ...(payload !== undefined && { payload }),
        });
        said.push(`${url} ${answer.statusCode} ${JSON.stringify(answer.headers)} ${answer.body}`);
      }
    }
    const errors = lines.filter((line) => line.includes('"err"'));
    expect(errors.length).toBeGreaterThan(0);
    const { ticketKey, lotterySecret } = node;
    const secrets = {
      jwtSecret,
      payment: payment.slice('whsec_'.length),
      databasePassword,
      brokerPassword,
      token,
      'ticket key': ticketKey.toString('hex'),
      'ticket key, base64': ticketKey.toString('base64'),
      'lottery secret': lotterySecret.toString('hex'),
    };
    for (const [name, secret] of Object.entries(secrets)) {
      expect([name, said.filter((text) => text.includes(secret))]).toEqual([name, []]);
      expect([name, lines.filter((line) => line.includes(secret))]).toEqual([name, []]);
    }
    // A ticket may be in an answer to its shopper, but not in a log.
    expect(lines.filter((line) => line.includes(ticket))).toEqual([]);
    // Error answers contain no place in the code.
    expect(said.filter((text) => /node_modules|\.ts:\d|\bat \w+ \(/.test(text))).toEqual([]);
  });

  it.concurrent.each(['server/main.ts', 'worker/main.ts', 'keeper/main.ts'])(
    'of %s without its servers contains no secret',
    async (entry) => {
      const secrets = [canary(), canary(), canary(), canary()];
      const [database, broker, jwt, payment] = secrets;
      const child = execFile(process.execPath, [entry], {
        cwd: ROOT,
        timeout: 300_000,
        env: {
          ...PROGRAM_ENVIRONMENT,
          DATABASE_URL: `postgres://shop:${database}@127.0.0.1:1/none`,
          AMQP_URL: `amqp://shop:${broker}@127.0.0.1:1/none`,
          ZOOKEEPER: '127.0.0.1:1',
          JWT_SECRET: jwt,
          PAYMENT_PROVIDER: 'standard',
          PAYMENT_WEBHOOK_SECRET: `whsec_${Buffer.from(payment ?? '').toString('base64')}`,
          LOG_LEVEL: 'trace',
          PORT: '0',
        },
      });
      let text = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream?.on('data', (chunk) => {
          text += chunk;
          // Enough to have told about each server that it does not reach.
          if (text.split('\n').length > LINES_OF_FAILURES) child.kill();
        });
      }
      await new Promise((resolve) => child.once('close', resolve));
      expect(text).not.toBe('');
      for (const secret of secrets) {
        expect(text).not.toContain(secret);
        expect(text).not.toContain(Buffer.from(secret).toString('base64'));
      }
    },
  );
});
