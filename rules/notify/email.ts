import { isIP } from "node:net";
import { promisify } from "node:util";
import { createTransport } from "nodemailer";
import { type Reach, refusal } from "./address.ts";
import { type Channel, failed, reasonOf } from "./channel.ts";

export interface EmailParts {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly security: "tls" | "starttls" | "none";
  readonly user: string | null;
  readonly password: string | null;
  readonly from: string;
  readonly to: readonly string[];
  readonly reach: Reach;
}

const timeoutMs = 15_000;

/** SMTP. The key becomes the Message-ID, by which mail systems drop repeats. */
export const createEmail = (parts: EmailParts): Channel => {
  const { name, host, port, security, user, password, from, to, reach } = parts;
  const addressOf = async (): Promise<string> => {
    if (isIP(host) !== 0) {
      if (!reach.mayReach(host)) throw new Error(refusal(host));
      return host;
    }
    return (await promisify(reach.lookup)(host, {})) as string;
  };
  return {
    name,
    send: async (message, signal) => {
      try {
        signal.throwIfAborted();
        const transport = createTransport({
          // The address that was looked at is the one that is connected to.
          host: await addressOf(),
          port,
          secure: security === "tls",
          requireTLS: security === "starttls",
          ignoreTLS: security === "none",
          tls: { servername: isIP(host) === 0 ? host : undefined },
          ...(user === null ? {} : { auth: { user, pass: password ?? "" } }),
          connectionTimeout: timeoutMs,
          greetingTimeout: timeoutMs,
          socketTimeout: timeoutMs,
          disableFileAccess: true,
          disableUrlAccess: true,
        });
        const abort = () => transport.close();
        signal.addEventListener("abort", abort, { once: true });
        try {
          const sent = await transport.sendMail({
            from,
            to: [...to],
            subject: message.title,
            textEncoding: "base64",
            text: [message.text, message.url].filter((part) => part).join("\n\n"),
            messageId: `<${message.key.replaceAll(/[^A-Za-z0-9.-]/g, "-")}@wattlas>`,
            headers: { "auto-submitted": "auto-generated", "x-wattlas-key": message.key },
          });
          const refused = sent.rejected.map(String);
          if (refused.length === to.length) return failed(`refused for ${refused.join(", ")}`, "never");
          return { ok: true, receipt: sent.response };
        } finally {
          signal.removeEventListener("abort", abort);
          transport.close();
        }
      } catch (error) {
        const code = (error as { readonly responseCode?: number }).responseCode ?? 0;
        // 5xx of SMTP is permanent: RFC 5321 §4.2.1.
        return failed(reasonOf(error), code >= 500 ? "never" : "later");
      }
    },
  };
};
