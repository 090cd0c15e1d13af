import type { Reach } from "./address.ts";
import { type Channel, failed, type Sent } from "./channel.ts";
import { say } from "./post.ts";

export interface SmsParts {
  readonly name: string;
  readonly url: string;
  readonly authorization: string | null;
  /** Texts of the request's fields; `{to}`, `{text}` and `{key}` are filled in. */
  readonly fields: Readonly<Record<string, string>>;
  readonly format: "json" | "form";
  readonly to: readonly string[];
  readonly reach: Reach;
}

/** Through the HTTP gateway of a provider: one request a number. */
export const createSms = ({ name, url, authorization, fields, format, to, reach }: SmsParts): Channel => ({
  name,
  send: async (message, signal) => {
    let last: Sent = failed("nobody to send to", "never");
    for (const number of to) {
      const filled: Readonly<Record<string, string>> = {
        to: number,
        text: `${message.title} ${message.text}`,
        key: message.key,
      };
      const values = Object.entries(fields).map(
        ([field, text]) =>
          [field, text.replaceAll(/\{(to|text|key)\}/g, (_, word: string) => filled[word] ?? "")] as const,
      );
      const body =
        format === "json"
          ? JSON.stringify(Object.fromEntries(values))
          : new URLSearchParams(Object.fromEntries(values)).toString();
      const headers = {
        "content-type": format === "json" ? "application/json" : "application/x-www-form-urlencoded",
        "idempotency-key": `${message.key}/${number}`,
        ...(authorization === null ? {} : { authorization }),
      };
      last = await say({ url, body, headers, reach, signal });
      if (!last.ok) return last;
    }
    return last;
  },
});
