import type { Type as TypeBox } from 'typebox';

/**
 * The builders of typebox that this project uses, with its types. typebox also computes types while a program
 * runs, in 373 modules: to load them took a fifth of the CPU time in which a web node, the console or a command
 * starts. A test compares the schemas with those of typebox.
 */

type Builders = Pick<
  typeof TypeBox,
  | 'Array'
  | 'Boolean'
  | 'Enum'
  | 'Integer'
  | 'Literal'
  | 'Null'
  | 'Number'
  | 'Object'
  | 'Optional'
  | 'Record'
  | 'String'
  | 'Union'
>;
type Fields = Readonly<Record<string, unknown>>;

/** Like typebox, so that the mark is no part of the schema's JSON. */
const OPTIONAL = '~optional';
const ANY_NAME = '^.*$';

const of = (type: string) => (options?: Fields) => ({ type, ...options });

function withProperties(properties: Readonly<Record<string, Fields>>, options?: Fields): Fields {
  const names = Object.keys(properties);
  const required = names.filter((name) => !Object.hasOwn(properties[name] ?? {}, OPTIONAL));
  return {
    type: 'object',
    ...(required.length > 0 && { required }),
    properties,
    ...options,
  };
}

const builders: Record<keyof Builders, (...parts: never[]) => Fields> = {
  Array: (items: Fields, options?: Fields) => ({ type: 'array', items, ...options }),
  Boolean: of('boolean'),
  Enum: (values: readonly string[], options?: Fields) => ({ enum: values, ...options }),
  Integer: of('integer'),
  Literal: (value: unknown, options?: Fields) => ({ type: typeof value, const: value, ...options }),
  Null: of('null'),
  Number: of('number'),
  Object: withProperties,
  Optional: (schema: Fields) => Object.defineProperty({ ...schema }, OPTIONAL, { value: true }),
  Record: ({ pattern = ANY_NAME }: Fields, value: Fields, options?: Fields) => ({
    type: 'object',
    patternProperties: { [String(pattern)]: value },
    ...options,
  }),
  String: of('string'),
  Union: (anyOf: readonly Fields[], options?: Fields) => ({ anyOf, ...options }),
};

export const Type = builders as unknown as Builders;
export type { Static, TSchema } from 'typebox';
