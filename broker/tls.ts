import { readFileSync } from 'node:fs';

/**
 * The certificate authority that `amqps://…?cacertfile=/path` names, as RabbitMQ's own clients write it.
 * Without it the authorities that Node knows count. The broker's certificate is always checked.
 *
 * @throws {Error} if the file cannot be read
 */
export function trustedBy(url: string): { readonly ca?: Buffer } {
  const file = new URL(url).searchParams.get('cacertfile');
  return file === null ? {} : { ca: readFileSync(file) };
}
