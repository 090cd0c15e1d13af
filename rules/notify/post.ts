import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP } from "node:net";
import { type Reach, refusal } from "./address.ts";
import { failed, reasonOf, type Sent } from "./channel.ts";

const timeoutMs = 10_000;
// An answer says yes or why not; nobody reads more of it.
const answerBytes = 65_536;

export interface PostParts {
  readonly url: string;
  readonly method?: "POST" | "GET" | "PUT";
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly reach: Reach;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** One request, no redirect followed, to an address that may be reached. Throws when there is no answer. */
export const post = ({
  url,
  method = "POST",
  body,
  headers = {},
  reach,
  signal,
}: PostParts): Promise<Answer & { readonly retryAfterMs: number | null }> =>
  new Promise((resolve, reject) => {
    const to = new URL(url);
    const host = to.hostname.replace(/^\[(.*)\]$/, "$1");
    // A literal address is not looked up.
    if (isIP(host) !== 0 && !reach.mayReach(host)) throw new Error(refusal(host));
    const request = (to.protocol === "https:" ? requestHttps : requestHttp)(
      to,
      {
        method,
        headers: {
          "content-type": "application/json",
          "user-agent": "wattlas",
          ...headers,
          "content-length": Buffer.byteLength(body),
        },
        lookup: reach.lookup,
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
        agent: false,
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          if (text.length < answerBytes) text += chunk.slice(0, answerBytes - text.length);
        });
        response.on("error", reject);
        response.on("end", () => {
          const after = Number(response.headers["retry-after"]);
          resolve({
            status: response.statusCode ?? 0,
            text,
            retryAfterMs: Number.isFinite(after) ? after * 1000 : null,
          });
        });
      },
    );
    request.on("error", reject);
    request.end(body);
  });

// Too many requests, and what a proxy says of a server that is down.
const passing = new Set([408, 425, 429]);

/** `post`, with the answer judged: 2xx is sent unless `refused` finds a fault in the text. */
export const say = async (parts: PostParts, refused: (answer: Answer) => string | null = () => null): Promise<Sent> => {
  try {
    const answer = await post(parts);
    const { status, text, retryAfterMs } = answer;
    const why = `answered ${status}${text === "" ? "" : `: ${text.slice(0, 200)}`}`;
    if (status >= 500 || passing.has(status)) return failed(why, "later", retryAfterMs ?? undefined);
    if (status < 200 || status >= 300) return failed(why, "never");
    const fault = refused(answer);
    return fault === null ? { ok: true, receipt: `${status}` } : failed(fault);
  } catch (error) {
    return failed(reasonOf(error));
  }
};

/** For chat robots that answer 200 and say in JSON that it went wrong. */
export const refusedBy =
  (field: string, good: readonly (number | string)[]) =>
  ({ text }: Answer): string | null => {
    try {
      const value = (JSON.parse(text) as Record<string, unknown>)[field];
      return good.some((one) => one === value) ? null : `refused: ${text.slice(0, 200)}`;
    } catch {
      return `answered no JSON: ${text.slice(0, 200)}`;
    }
  };
