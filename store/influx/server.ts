import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { type Headers, HttpError, InfluxDB, setLogger } from "@influxdata/influxdb-client";
import { StoreUnavailableError } from "../errors.ts";
import { quoteName, type Row } from "./line.ts";

/** The calls that InfluxDB 1.6 to 3 all answer: `/write`, `/query` with InfluxQL, `/ping`. */
export interface InfluxServer {
  /** Learns the server's version. */
  ping(): Promise<void>;
  /** Makes the database when it is missing and we may. */
  connect(): Promise<void>;
  /** Rows of each statement. A measurement or database that does not exist has none. */
  query(statements: readonly string[], timeoutMs?: number): Promise<readonly (readonly Row[])[]>;
  /** Throws the client's `HttpError`. */
  write(lines: readonly string[]): Promise<void>;
  version(): string;
  /** Why the server did not answer last time; empty when it did; null before the first call. */
  trouble(): string | null;
  /** False for a moment after a failure: who has another answer need not wait for the next one. */
  worthAsking(): boolean;
  close(): void;
}

interface Answer {
  readonly results?: readonly {
    readonly error?: string;
    readonly series?: readonly {
      readonly tags?: Readonly<Record<string, string>>;
      readonly columns: readonly string[];
      readonly values: readonly (readonly (string | number | boolean | null)[])[];
    }[];
  }[];
}

const requestTimeoutMs = 30_000; // a year of hourly windows takes a small server seconds, not minutes
// 5,000 lines take 50 ms and InfluxDB itself gives up after 10 s; a small request need not wait that long for a server
// that hangs.
const leastWriteMs = 5000;
const writeMsPerLine = 1;
const leastRestMs = 1000;
const notThere = /(database|measurement|table|bucket)\b.*not found/i;

export interface InfluxAddress {
  readonly url: string;
  readonly database: string;
  readonly user: string;
  readonly password: string;
}

/** `influx+http://user:pass@host:8086/database` in its parts. */
export const parseInfluxUrl = (text: string): InfluxAddress => {
  const url = new URL(text.replace(/^influx\+/, ""));
  const database = decodeURIComponent(url.pathname.slice(1));
  if (database === "" || database.includes("/"))
    throw new TypeError('STORE_URL must end with one database name: "influx+http://user:pass@host:8086/database"');
  return {
    url: `${url.protocol}//${url.host}`,
    database,
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
  };
};

export const openServer = ({ url, database, user, password }: InfluxAddress): InfluxServer => {
  // Failures come back as rejections; the client would print them a second time.
  setLogger({ error: () => undefined, warn: () => undefined });
  const agent = url.startsWith("https:") ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
  const headers: Record<string, string> =
    user === "" ? {} : { Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` };
  const client = new InfluxDB({ url, headers, timeout: requestTimeoutMs, transportOptions: { agent } });
  const ended = new AbortController();
  let version = "";
  let trouble: string | null = null;
  let restUntil = Number.NEGATIVE_INFINITY;

  const limit = (ms: number): AbortSignal => AbortSignal.any([ended.signal, AbortSignal.timeout(ms)]);
  /** Any answer but "not now" says that the server is there. */
  const watched = async <Result>(work: Promise<Result>): Promise<Result> => {
    const started = performance.now();
    try {
      const result = await work;
      trouble = "";
      return result;
    } catch (error) {
      trouble = error instanceof HttpError && [400, 404, 413].includes(error.statusCode) ? "" : explain(error);
      // As long as the failure took: a server that hangs must not hold up every reader.
      restUntil = performance.now() + Math.max(leastRestMs, performance.now() - started);
      throw error;
    }
  };

  const ask = async (body: string, timeoutMs: number): Promise<Answer> => {
    const chunks: Uint8Array[] = [];
    const path = `/query?db=${encodeURIComponent(database)}&epoch=ms`;
    const options = {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded", accept: "application/json" },
      signal: limit(timeoutMs),
    };
    // `request` joins its buffers once per chunk: long answers would be copied thousands of times.
    for await (const chunk of client.transport.iterate(path, body, options)) chunks.push(chunk);
    return JSON.parse(Buffer.concat(chunks).toString("utf8")) as Answer;
  };

  const query: InfluxServer["query"] = async (statements, timeoutMs = requestTimeoutMs) => {
    if (statements.length === 0) return [];
    const body = new URLSearchParams({ q: statements.join(";\n") }).toString();
    const answer = await watched(ask(body, timeoutMs)).catch((error: unknown): Answer => {
      if (error instanceof HttpError && notThere.test(error.body ?? "")) return {};
      throw new StoreUnavailableError(`InfluxDB at ${url} did not answer: ${explain(error)}`, {
        retryAfterMs: 2000,
        cause: error,
      });
    });
    const failed = answer.results?.find((result) => result.error !== undefined)?.error;
    if (failed !== undefined && !notThere.test(failed))
      throw new StoreUnavailableError(`InfluxDB at ${url} refused a query: ${failed}`, { retryAfterMs: 10_000 });
    return statements.map((_, index) =>
      (answer.results?.[index]?.series ?? []).flatMap(({ columns, values, tags = {} }) =>
        values.map(
          (value): Row => new Map([...Object.entries(tags), ...columns.map((c, i) => [c, value[i] ?? null] as const)]),
        ),
      ),
    );
  };

  const ping = async (): Promise<void> => {
    const options = { method: "GET", signal: limit(5000) };
    const learn = (found: Headers): void => {
      version = String(found["x-influxdb-version"] ?? version);
    };
    await watched(client.transport.request("/ping", "", options, learn));
  };

  return {
    query,
    version: () => version,
    trouble: () => trouble,
    worthAsking: () => !trouble || performance.now() >= restUntil,
    ping,
    connect: async () => {
      await ping();
      // 2.x has buckets instead and 3.x makes databases on write: their refusal is not ours to report.
      await query([`CREATE DATABASE ${quoteName(database)}`]).catch((error: unknown) => {
        if (trouble !== "") throw error;
      });
    },
    write: async (lines) => {
      const writer = client.getWriteApi("", "", "ms", {
        batchSize: 2,
        maxBatchBytes: Number.MAX_SAFE_INTEGER,
        maxRetries: 0,
        flushInterval: 0,
        gzipThreshold: 1000,
      });
      writer.path = `/write?db=${encodeURIComponent(database)}&precision=ms`;
      // The lines as one record: the client looks at each record on its own.
      writer.writeRecord(lines.join("\n"));
      let timer: NodeJS.Timeout | undefined;
      const patienceMs = leastWriteMs + writeMsPerLine * lines.length;
      // The client's write call takes no signal; its own socket timeout does not end a trickle.
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => {
          // It must not arrive after what is sent later.
          agent.destroy();
          reject(new TooSlowError(`no answer to ${lines.length} lines within ${patienceMs} ms`));
        }, patienceMs);
      });
      try {
        await watched(Promise.race([writer.flush(), late]));
      } finally {
        clearTimeout(timer);
        writer.dispose();
      }
    },
    close: () => {
      ended.abort();
      agent.destroy();
    },
  };
};

/** A write that was given up: fewer lines may go better. */
export class TooSlowError extends Error {
  constructor(message: string) {
    super(message);
    this.name = new.target.name;
  }
}

/** One line for a person. */
export const explain = (error: unknown): string => {
  if (error instanceof HttpError) {
    const said = /"(?:error|message)":\s*"((?:[^"\\]|\\.)*)"/.exec(error.body ?? "")?.[1] ?? error.body ?? "";
    return `${error.statusCode} ${error.statusMessage ?? ""} ${said}`.trim().slice(0, 300);
  }
  if (error instanceof AggregateError && error.errors.length > 0) return explain(error.errors[0]);
  return error instanceof Error ? (error.message || error.name).slice(0, 300) : String(error);
};
