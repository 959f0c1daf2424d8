import { list, parseEnvironment } from './config.ts';

/** The origins of pictures: web nodes name them in the policy of the page, and sale files are checked. */

/** Parses an https origin such as https://cdn.example; undefined if it is none. */
function originOf(part: string): string | undefined {
  const isOrigin = /^https:\/\/[^/\s?#@,;*]+$/.test(part) && URL.canParse(part);
  return isOrigin ? new URL(part).origin : undefined;
}

export const imageSpecs = {
  /** Origins of pictures and logos besides that of the shop. */
  IMAGE_ORIGINS: list('https origins such as https://cdn.example', originOf)({ default: [] }),
};

/** @throws {ConfigError} */
export function imageOrigins(
  environment: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  return parseEnvironment(environment, imageSpecs).IMAGE_ORIGINS;
}
