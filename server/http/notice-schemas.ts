import { NOTICE_CHANNELS, NOTICE_LANGUAGES } from '../../contracts/notices.ts';
import { Type } from '../../contracts/schema-types.ts';
import { SaleParams } from './schemas.ts';

/** JSON schemas of the calls for notices, by e-mail and Web Push. */

const Language = Type.Enum([...NOTICE_LANGUAGES], { description: 'Language of the texts' });
const base64url = (length: number) => Type.String({ pattern: `^[A-Za-z0-9_-]{${length}}$` });

export const NoticeSettings = Type.Object({
  email: Type.Boolean({ description: 'Whether e-mail is offered' }),
  pushKey: Type.Optional(
    Type.String({
      description: 'applicationServerKey of a push subscription; absent: no Web Push',
    }),
  ),
  languages: Type.Array(Language),
});

export const NoticeParams = SaleParams;

export const NoticeBody = Type.Object(
  {
    language: Language,
    email: Type.Optional(
      Type.String({
        minLength: 6,
        maxLength: 254,
        description:
          'Its owner gets one message with a link to confirm, and nothing else before that',
      }),
    ),
    push: Type.Optional(
      Type.Object(
        {
          endpoint: Type.String({ minLength: 10, maxLength: 1_000 }),
          expirationTime: Type.Optional(Type.Union([Type.Number(), Type.Null()])),
          keys: Type.Object(
            { p256dh: base64url(87), auth: base64url(22) },
            { additionalProperties: false },
          ),
        },
        { additionalProperties: false, description: 'PushSubscription.toJSON() of the browser' },
      ),
    ),
  },
  { additionalProperties: false, description: 'email, push or both' },
);

export const NoticeAnswer = Type.Object({
  sale: Type.String(),
  contacts: Type.Array(
    Type.Object({
      id: Type.String(),
      channel: Type.Enum([...NOTICE_CHANNELS]),
      address: Type.Optional(Type.String({ description: 'The e-mail address, most of it hidden' })),
      language: Type.String(),
      status: Type.Enum(['unconfirmed', 'confirmed']),
      createdAt: Type.String({ format: 'date-time' }),
    }),
  ),
});

export const NoticeToken = Type.Object(
  { token: Type.String({ maxLength: 100, description: 'From the link of the message' }) },
  { additionalProperties: false },
);

export const NoticeConfirmed = Type.Object({ sale: Type.String() });
