import { PUBLISHED_SECRETS, SECRET_VARIABLES } from '../../contracts/secrets.ts';

/** Nothing that the doctor prints has a secret of its environment in it, whatever a server answers. */

/** A shorter one may be a word of a sentence. */
const LENGTH_MIN = 6;
const PASSWORDS = /:\/\/[^:@/\s]*:([^@\s]+)@|[?&]password=([^&\s]+)/g;

function secretsIn(value: string): string[] {
  const passwords = [...value.matchAll(PASSWORDS)].flatMap(([, one, other]) => one ?? other ?? []);
  const encoded = passwords.length > 0 ? passwords : [value, value.slice(value.indexOf(':') + 1)];
  return encoded.flatMap((text) => {
    try {
      return [text, decodeURIComponent(text)];
    } catch {
      return [text];
    }
  });
}

/** @param environment with the content of the files of its secrets */
export function hider(
  environment: Readonly<Record<string, string | undefined>>,
): (text: string) => string {
  const secrets = Object.keys(SECRET_VARIABLES)
    .flatMap((name) => secretsIn(environment[name] ?? ''))
    // Those of the demo are words of its sentences, such as the name of this program.
    .filter((secret) => secret.length >= LENGTH_MIN && !PUBLISHED_SECRETS.has(secret))
    .sort((one, other) => other.length - one.length);
  return (text) => secrets.reduce((shown, secret) => shown.replaceAll(secret, '…'), text);
}
