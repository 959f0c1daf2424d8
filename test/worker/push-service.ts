import { createDecipheriv, createECDH, hkdfSync, randomBytes, verify } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A push service on loopback, and browsers that are subscribed there and decrypt (RFC 8291). */

export interface Pushed {
  readonly headers: IncomingMessage['headers'];
  readonly payload: {
    readonly title: string;
    readonly body: string;
    readonly path: string;
    readonly tag: string;
    readonly lang: string;
    readonly dir: string;
  };
}

export interface Browser {
  readonly endpoint: string;
  readonly keys: { readonly p256dh: string; readonly auth: string };
  /** Accepted messages, in the order of arrival. */
  readonly pushed: Pushed[];
  attempts: number;
  /** The next answers. */
  answer: () => { readonly status: number; readonly headers?: Record<string, string> };
}

export interface PushService {
  readonly url: string;
  subscribe(): Browser;
  close(): Promise<void>;
}

/** @param vapidPublicKey messages of another shop are refused */
export async function startPushService(vapidPublicKey: string): Promise<PushService> {
  const browsers = new Map<string, Browser & { decrypt: (body: Buffer) => string }>();
  const server = createServer((request, response) => void receive(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const browser = browsers.get(request.url ?? '');
    if (browser === undefined) return void response.writeHead(404).end();
    browser.attempts += 1;
    if (!isFromShop(request.headers.authorization, vapidPublicKey, url)) {
      return void response.writeHead(403).end();
    }
    const { status, headers = {} } = browser.answer();
    if (status < 300) {
      const payload = JSON.parse(browser.decrypt(Buffer.concat(chunks)));
      browser.pushed.push({ headers: request.headers, payload });
    }
    response.writeHead(status, headers).end();
  }

  return {
    url,
    subscribe() {
      const path = `/push/${randomBytes(9).toString('base64url')}`;
      const keys = createECDH('prime256v1');
      const p256dh = keys.generateKeys();
      const auth = randomBytes(16);
      const browser = {
        endpoint: url + path,
        keys: { p256dh: p256dh.toString('base64url'), auth: auth.toString('base64url') },
        pushed: [],
        attempts: 0,
        answer: () => ({ status: 201 }),
        decrypt: (body: Buffer) => decrypted(body, keys, p256dh, auth),
      };
      browsers.set(path, browser);
      return browser;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** RFC 8291, with the record of RFC 8188: salt, record size, key id, ciphertext. */
function decrypted(
  body: Buffer,
  keys: ReturnType<typeof createECDH>,
  own: Buffer,
  auth: Buffer,
): string {
  const salt = body.subarray(0, 16);
  const idLength = body.readUInt8(20);
  const theirs = body.subarray(21, 21 + idLength);
  const record = body.subarray(21 + idLength);
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), own, theirs]);
  const ikm = Buffer.from(hkdfSync('sha256', keys.computeSecret(theirs), auth, info, 32));
  const derive = (what: string, length: number) =>
    Buffer.from(hkdfSync('sha256', ikm, salt, Buffer.from(`Content-Encoding: ${what}\0`), length));
  const decipher = createDecipheriv('aes-128-gcm', derive('aes128gcm', 16), derive('nonce', 12));
  decipher.setAuthTag(record.subarray(-16));
  const plain = Buffer.concat([decipher.update(record.subarray(0, -16)), decipher.final()]);
  const end = plain.lastIndexOf(2);
  return plain.subarray(0, end).toString();
}

/** RFC 8292: a token of the shop's key for this very service. */
function isFromShop(header: string | undefined, publicKey: string, audience: string): boolean {
  const [, token = '', key] = /^vapid t=([^,]+), ?k=(.+)$/.exec(header ?? '') ?? [];
  const [head = '', claims = '', signature = ''] = token.split('.');
  const point = Buffer.from(publicKey, 'base64url');
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    x: point.subarray(1, 33).toString('base64url'),
    y: point.subarray(33).toString('base64url'),
  };
  const isSigned = verify(
    'sha256',
    Buffer.from(`${head}.${claims}`),
    { key: jwk, format: 'jwk', dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  );
  const { aud, sub } = JSON.parse(Buffer.from(claims, 'base64url').toString() || '{}');
  return isSigned && key === publicKey && aud === audience && sub === 'mailto:shop@shop.example';
}
