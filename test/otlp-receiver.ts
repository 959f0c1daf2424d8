import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { until } from './until.ts';

/** A receiver of OTLP/HTTP in JSON, as an OpenTelemetry collector has it. */

type Values = readonly {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}[];

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: Values;
  readonly events?: readonly { readonly name: string }[];
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status: { readonly code?: number; readonly message?: string };
  /** `service.name` of the process. */
  readonly service: string;
}

interface Body {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: Values };
    readonly scopeSpans: readonly { readonly spans: readonly Omit<ReceivedSpan, 'service'>[] }[];
  }[];
}

export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = [];
  /** Headers of the requests. */
  readonly headers: IncomingMessage['headers'][] = [];
  /** Requests wait for this before they are answered. */
  gate: Promise<void> = Promise.resolve();
  status = 200;
  readonly #server = createServer((request, response) => void this.#receive(request, response));

  static async start(): Promise<OtlpReceiver> {
    const receiver = new OtlpReceiver();
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  of(traceId: string): ReceivedSpan[] {
    return this.spans.filter((span) => span.traceId === traceId);
  }

  /** Resolves with the spans of a trace by their names, when all of these have come. */
  async trace(traceId: string, ...names: string[]): Promise<Record<string, ReceivedSpan>> {
    return until(`${names.join(', ')} of ${traceId}`, () => {
      const byName = Object.fromEntries(this.of(traceId).map((span) => [span.name, span]));
      const missing = names.filter((name) => !(name in byName));
      if (missing.length > 0) throw new Error(`missing: ${missing.join(', ')}`);
      return byName;
    });
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const isTraces = request.method === 'POST' && request.url === '/v1/traces';
    const body = await text(request);
    this.headers.push(request.headers);
    await this.gate;
    if (isTraces && this.status === 200) this.#take(JSON.parse(body) as Body);
    const status = isTraces ? this.status : 404;
    response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
  }

  #take({ resourceSpans }: Body): void {
    for (const { resource, scopeSpans } of resourceSpans) {
      const service = String(attributeOf(resource.attributes, 'service.name'));
      const spans = scopeSpans.flatMap((scope) => scope.spans);
      this.spans.push(...spans.map((span) => ({ ...span, service })));
    }
  }
}

/** The value of an attribute; undefined if there is none. */
export function attributeOf(attributes: Values, key: string): unknown {
  const value = attributes.find((one) => one.key === key)?.value ?? {};
  return Object.values(value)[0];
}
