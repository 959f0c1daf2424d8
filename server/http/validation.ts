import { Ajv, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';

/**
 * Bodies are validated as they are: "1" is not a quantity. Values in a URL are always text, so they
 * are converted to the number that the schema asks for.
 */
const options = { removeAdditional: false, useDefaults: true, allErrors: false } as const;
const ofBodies = addFormats.default(new Ajv({ ...options, coerceTypes: false }));
const ofUrls = addFormats.default(new Ajv({ ...options, coerceTypes: true }));

export function compileValidator({
  schema,
  httpPart,
}: {
  schema: unknown;
  httpPart?: string;
}): ValidateFunction {
  const ajv = httpPart === 'querystring' || httpPart === 'params' ? ofUrls : ofBodies;
  return ajv.compile(schema as object);
}
