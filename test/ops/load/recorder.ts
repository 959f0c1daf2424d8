import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';

/** A proxy that notes what is sent to a shop, and passes it on. */

export interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly string[];
  readonly address: string;
}

export class Recorder {
  readonly calls: Recorded[] = [];
  readonly #server = createServer((call, answer) => this.#passOn(call, answer));
  readonly #shop: URL;

  private constructor(shop: string) {
    this.#shop = new URL(shop);
  }

  static async before(shop: string): Promise<Recorder> {
    const recorder = new Recorder(shop);
    // All loopback addresses of the clients are seen.
    recorder.#server.listen(0, '0.0.0.0');
    await once(recorder.#server, 'listening');
    return recorder;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #passOn(call: IncomingMessage, answer: ServerResponse): void {
    const { method = '', url = '/', headers, socket } = call;
    this.calls.push({
      ...{ method, path: url.split('?')[0] ?? '', headers: Object.keys(headers) },
      address: socket.remoteAddress ?? '',
    });
    const { hostname, port } = this.#shop;
    const onward = request({ hostname, port, method, path: url, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      pipeline(response, answer, () => {});
    });
    onward.on('error', () => answer.destroy());
    answer.on('close', () => onward.destroy());
    call.on('error', () => onward.destroy());
    call.pipe(onward);
  }
}
