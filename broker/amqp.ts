import type { ConfirmChannel, ConsumeMessage, GetMessage } from 'amqplib';

/** Gives amqplib's types the names that this folder uses. No other file imports amqplib. */

export { type ChannelModel, connect, type RecoveringChannelModel } from 'amqplib';

export type Channel = ConfirmChannel;
export type ReceivedMessage = ConsumeMessage;
export type FetchedMessage = GetMessage;
