import { createHmac } from "node:crypto";
import type { Reach } from "./address.ts";
import type { Channel, Message } from "./channel.ts";
import { type Answer, refusedBy, say } from "./post.ts";

/** Robots of chat services: one address each that takes a text. */
export const chatKinds = ["slack", "teams", "dingtalk", "wecom", "feishu"] as const;
export type ChatKind = (typeof chatKinds)[number];

export interface ChatParts {
  readonly name: string;
  readonly kind: ChatKind;
  readonly url: string;
  /** DingTalk and Feishu sign; null where the robot is guarded otherwise. */
  readonly secret: string | null;
  readonly reach: Reach;
  readonly now: () => number;
}

interface Dialect {
  readonly url: (url: string, secret: string | null, atMs: number) => string;
  readonly body: (message: Message, secret: string | null, atMs: number) => unknown;
  readonly refused: (answer: Answer) => string | null;
}

const words = ({ title, text, url }: Message): string => [title, text, url].filter((part) => part).join("\n");
const same = (url: string): string => url;
const base64 = (key: string, text: string): string => createHmac("sha256", key).update(text).digest("base64");

const dialects: Readonly<Record<ChatKind, Dialect>> = {
  // Slack incoming webhooks; Mattermost takes the same.
  slack: { url: same, body: (message) => ({ text: words(message) }), refused: () => null },
  // Microsoft Teams "Workflows": an adaptive card in an attachment.
  teams: {
    url: same,
    body: ({ title, text, url }) => ({
      type: "message",
      attachments: [
        {
          contentType: "application/vnd.microsoft.card.adaptive",
          content: {
            type: "AdaptiveCard",
            version: "1.4",
            body: [
              { type: "TextBlock", text: title, weight: "bolder", wrap: true },
              { type: "TextBlock", text, wrap: true },
            ],
            actions: url === null ? [] : [{ type: "Action.OpenUrl", title: "Wattlas", url }],
          },
        },
      ],
    }),
    refused: () => null,
  },
  // DingTalk custom robot: signed in the query, millisecond time stamp.
  dingtalk: {
    url: (url, secret, atMs) => {
      if (secret === null) return url;
      const signed = new URL(url);
      signed.searchParams.set("timestamp", String(atMs));
      signed.searchParams.set("sign", base64(secret, `${atMs}\n${secret}`));
      return signed.href;
    },
    body: (message) => ({ msgtype: "text", text: { content: words(message) } }),
    refused: refusedBy("errcode", [0]),
  },
  wecom: {
    url: same,
    body: (message) => ({ msgtype: "text", text: { content: words(message) } }),
    refused: refusedBy("errcode", [0]),
  },
  // Feishu custom robot: signed in the body, time stamp in seconds, the key is what is signed and the text is empty.
  feishu: {
    url: same,
    body: (message, secret, atMs) => {
      const timestamp = String(Math.floor(atMs / 1000));
      const signed = secret === null ? {} : { timestamp, sign: base64(`${timestamp}\n${secret}`, "") };
      return { ...signed, msg_type: "text", content: { text: words(message) } };
    },
    refused: refusedBy("code", [0]),
  },
};

export const createChat = ({ name, kind, url, secret, reach, now }: ChatParts): Channel => {
  const dialect = dialects[kind];
  return {
    name,
    send: (message, signal) => {
      const atMs = now();
      const body = JSON.stringify(dialect.body(message, secret, atMs));
      return say({ url: dialect.url(url, secret, atMs), body, reach, signal }, dialect.refused);
    },
  };
};
