import { createHmac } from "node:crypto";
import type { Reach } from "./address.ts";
import type { Channel } from "./channel.ts";
import { say } from "./post.ts";

export interface WebhookParts {
  readonly name: string;
  readonly url: string;
  /** Null: not signed. */
  readonly secret: string | null;
  readonly reach: Reach;
  readonly now: () => number;
}

/** HMAC-SHA256 over `<unix seconds>.<body>`, hexadecimal. */
export const signature = (secret: string, atS: number, body: string): string =>
  createHmac("sha256", secret).update(`${atS}.${body}`).digest("hex");

/** The message as JSON, signed in `wattlas-signature: t=<unix seconds>,v1=<hex>`, with its key in `idempotency-key`. */
export const createWebhook = ({ name, url, secret, reach, now }: WebhookParts): Channel => ({
  name,
  send: (message, signal) => {
    const body = JSON.stringify(message);
    const atS = Math.floor(now() / 1000);
    const headers = {
      "idempotency-key": message.key,
      ...(secret === null ? {} : { "wattlas-signature": `t=${atS},v1=${signature(secret, atS, body)}` }),
    };
    return say({ url, body, headers, reach, signal });
  },
});
