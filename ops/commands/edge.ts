import { readFileSync, writeFileSync } from 'node:fs';
import { renderEdge } from '../edge/render.ts';
import { parsePort } from './arguments.ts';
import type { AddCommand } from './command.ts';

/** `flashsale edge render`: the configuration of nginx in front of the web nodes. */

interface Options {
  readonly node: string[];
  readonly http?: string;
  readonly https?: string;
  readonly plainHttp?: boolean;
  readonly certificate?: string;
  readonly key?: string;
  readonly name: string[];
  readonly folder: string;
  readonly lastPort: number;
  readonly user?: string;
  readonly proxyProtocolFrom: string[];
  readonly forwardedFrom: string[];
  readonly proxySecretFile?: string;
  readonly originCa?: string;
  readonly originSecretFile?: string;
  readonly trustTraceparent?: boolean;
  readonly callLog?: string;
  readonly resolver?: string;
  readonly set: string[];
  readonly out?: string;
  readonly json?: boolean;
}

function limitsOf(settings: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    settings.map((setting) => {
      const at = setting.indexOf('=');
      if (at < 1) throw new Error(`--set takes NAME=VALUE, not ${setting}`);
      return [setting.slice(0, at), setting.slice(at + 1)];
    }),
  );
}

function secretIn(file: string | undefined): string | undefined {
  return file === undefined ? undefined : readFileSync(file, 'utf8').trim();
}

export const addEdge: AddCommand = (program) => {
  const command = program.command('edge').description('nginx in front of the web nodes');
  const several = (value: string, before: string[]) => [...before, value];
  command
    .command('render')
    .description('print the configuration of nginx, from ops/edge')
    .option('--node <host:port>', 'a web node; once for each', several, [])
    .option('--http <[address:]port>', 'listen without TLS')
    .option('--https <[address:]port>', 'listen with TLS 1.3 and HTTP/2')
    .option('--plain-http', 'serve without TLS as well, instead of sending clients to TLS')
    .option('--certificate <file>', 'certificate chain in PEM')
    .option('--key <file>', 'its key')
    .option('--name <host>', 'a host name of the shop; once for each', several, [])
    .option('--folder <path>', 'for caches and temporary files', '/var/cache/nginx')
    .option(
      '--last-port <port>',
      'port on loopback between the two levels of the cache',
      parsePort,
      8_079,
    )
    .option('--user <name>', 'user of the worker processes, if root starts nginx')
    .option(
      '--proxy-protocol-from <cidr>',
      'balancer whose PROXY protocol is believed',
      several,
      [],
    )
    .option('--forwarded-from <cidr>', 'proxy whose X-Forwarded-For is believed', several, [])
    .option('--proxy-secret-file <file>', 'file with the TRUST_PROXY_SECRET of the web nodes')
    .option('--origin-ca <file>', 'CA of the certificate by which your CDN proves itself')
    .option('--origin-secret-file <file>', 'file with what your CDN sends in X-Origin-Secret')
    .option('--trust-traceparent', 'clients may say to which trace a call belongs')
    .option('--call-log <file>', 'a line for each call of a shopper, for flashsale record')
    .option('--resolver <address>', 'DNS server to look the nodes up again; nginx 1.27.3 or later')
    .option('--set <name=value>', 'another value for a limit of the template', several, [])
    .option('--out <file>', 'write to this file')
    .option('--json', 'print it as one JSON object')
    .action((options: Options) => {
      const { node, name, set, out, json } = options;
      const text = renderEdge({
        ...options,
        nodes: node,
        names: name,
        http: options.http,
        https: options.https,
        certificate: options.certificate,
        key: options.key,
        user: options.user,
        resolver: options.resolver,
        plainHttp: options.plainHttp ?? false,
        proxySecret: secretIn(options.proxySecretFile),
        originSecret: secretIn(options.originSecretFile),
        limits: limitsOf(set),
      });
      if (out !== undefined) writeFileSync(out, text, { mode: 0o600 });
      if (json) console.log(JSON.stringify({ configuration: text }));
      else if (out === undefined) process.stdout.write(text);
    });
};
