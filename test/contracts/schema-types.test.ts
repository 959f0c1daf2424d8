import { Type as TypeBox } from 'typebox';
import { expect, it } from 'vitest';
import { Type } from '../../contracts/schema-types.ts';

/** One schema with each builder, with and without options. */
function schemaWith(make: typeof Type) {
  const text = make.String({ pattern: '^a', description: 'a text' });
  return make.Object(
    {
      text,
      texts: make.Array(text, { maxItems: 3 }),
      more: make.Optional(make.Array(make.Boolean())),
      mode: make.Enum(['on', 'off'], { description: 'a mode' }),
      plain: make.Enum(['on']),
      count: make.Optional(make.Integer({ minimum: 1 })),
      price: make.Number(),
      name: make.Literal('guests', { description: 'a name' }),
      yes: make.Literal(true),
      two: make.Literal(2),
      either: make.Optional(make.Union([text, make.Null()], { description: 'a text or nothing' })),
      both: make.Union([make.Optional(text), make.Integer()]),
      byText: make.Record(text, make.Integer({ maximum: 9 }), { minProperties: 1 }),
      byName: make.Record(make.String(), make.Boolean()),
      none: make.Object({}),
      free: make.Object(
        { one: make.Optional(text), other: make.Optional(text) },
        { additionalProperties: false },
      ),
    },
    { additionalProperties: false, description: 'everything' },
  );
}

it('are those of typebox, in the same order', () => {
  const wanted = JSON.stringify(schemaWith(TypeBox), null, 2);
  expect(JSON.stringify(schemaWith(Type), null, 2)).toBe(wanted);
});

it('leave a schema as it is when it becomes optional elsewhere', () => {
  const text = Type.String();
  Type.Optional(text);
  expect(Type.Object({ text })).toMatchObject({ required: ['text'] });
});
