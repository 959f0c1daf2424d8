import { randomBytes } from 'node:crypto';

/** Secrets as a shop would create them. They are made anew in each run. */

const word = () => randomBytes(24).toString('hex');

export const SECRETS = {
  JWT_SECRET: word(),
  PAYMENT_WEBHOOK_SECRET: `whsec_${randomBytes(32).toString('base64')}`,
  DATABASE_URL: `postgres://shop:${word()}@127.0.0.1:1/none`,
  AMQP_URL: `amqp://shop:${word()}@127.0.0.1:1/none`,
};

export const STRIPE_ENVIRONMENT = {
  PAYMENT_PROVIDER: 'stripe',
  STRIPE_SECRET_KEY: `sk_live_${word()}`,
  STRIPE_WEBHOOK_SECRET: `whsec_${word()}`,
  SHOP_URL: 'https://shop.example',
  PAYMENT_WEBHOOK_SECRET: SECRETS.PAYMENT_WEBHOOK_SECRET,
};
