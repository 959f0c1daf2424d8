import http from 'node:http';
import https from 'node:https';
import { type AddressRules, checkUrl } from '../../contracts/public-url.ts';
import { guardedLookup } from './addresses.ts';

/** Posts to URLs that strangers gave: to public addresses only, and with limits on what is read. */

/** Bytes of an answer's body that are read and then ignored. */
const ANSWER_BYTES_MAX = 16_384;
const HEADER_BYTES_MAX = 16_384;

export interface Posted {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
}

export interface Poster {
  /**
   * A redirect is returned like any other answer and not followed.
   *
   * @throws {AddressRefused} for a URL that must not be called
   * @throws {Error} if there is no answer in time
   */
  post(url: string, headers: http.OutgoingHttpHeaders, body: string | Buffer): Promise<Posted>;
  close(): void;
}

/** @param connectionsMax to one host */
export function createPoster(
  rules: AddressRules,
  { connectionsMax, timeoutMs }: { readonly connectionsMax: number; readonly timeoutMs: number },
): Poster {
  const options = {
    keepAlive: true,
    // Without it, an idle connection stays for ever: one for each host that a stranger names.
    timeout: timeoutMs,
    maxSockets: connectionsMax,
    lookup: guardedLookup(rules),
  };
  const agents = { 'https:': new https.Agent(options), 'http:': new http.Agent(options) };
  return {
    async post(url, headers, body) {
      const checked = checkUrl(url, rules);
      const agent = agents[checked.protocol === 'https:' ? 'https:' : 'http:'];
      return postTo(checked, { method: 'POST', agent, headers, timeoutMs }, body);
    },
    close: () => {
      for (const agent of Object.values(agents)) agent.destroy();
    },
  };
}

function postTo(
  url: URL,
  { timeoutMs, ...options }: http.RequestOptions & { readonly timeoutMs: number },
  body: string | Buffer,
): Promise<Posted> {
  const { request } = url.protocol === 'https:' ? https : http;
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const limits = { signal, maxHeaderSize: HEADER_BYTES_MAX };
    const call = request(url, { ...options, ...limits }, (answer) => {
      let bytes = 0;
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > ANSWER_BYTES_MAX) answer.destroy();
      });
      answer.on('error', () => {}); // Only the status code and the headers matter.
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers });
    });
    call.on('error', (error) => {
      reject(signal.aborted ? new Error(`no answer within ${timeoutMs} ms`) : error);
    });
    // An answer that switches protocols closes the socket without another event or a timeout.
    call.on('close', () => reject(new Error('the connection was closed without an answer')));
    call.end(body);
  });
}
