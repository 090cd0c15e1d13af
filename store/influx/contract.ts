// Test support: a STUB of InfluxDB's HTTP face, not InfluxDB. Its answers are written down from the documentation and
// release sources of 1.8, 2.x and 3 Core, and no such server stood behind them; 1.6.7 is tested as it is elsewhere.
//
//   https://docs.influxdata.com/influxdb/v1/tools/api/
//   https://docs.influxdata.com/influxdb/v2/reference/api/influxdb-1x/ and …/v2/write-data/troubleshoot/
//   https://docs.influxdata.com/influxdb3/core/write-data/troubleshoot/
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { gunzipSync } from "node:zlib";

export interface Answer {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What one version says where versions differ. */
export interface Dialect {
  readonly name: string;
  readonly ping: Answer;
  readonly createDatabase: Answer;
  readonly noDatabase: Answer;
  readonly wrongPassword: Answer;
  readonly tooLarge: Answer;
  readonly busy: Answer;
  /** One line has a value of another type than its field. */
  readonly typeConflict: (line: string) => Answer;
  readonly unparsable: (line: string) => Answer;
}

const json = (status: number, body: unknown, headers: Record<string, string> = {}): Answer => ({
  status,
  body: JSON.stringify(body),
  headers: { "content-type": "application/json", ...headers },
});
const conflict =
  'field type conflict: input field "power_w" on measurement "reading" is type string, already exists as type float dropped=1';

export const dialects: readonly Dialect[] = [
  {
    name: "1.8",
    ping: { status: 204, headers: { "x-influxdb-version": "1.8.10", "x-influxdb-build": "OSS" } },
    createDatabase: json(200, { results: [{ statement_id: 0 }] }),
    noDatabase: json(404, { error: 'database not found: "wattlas"' }),
    wrongPassword: json(401, { error: "authorization failed" }),
    tooLarge: json(413, { error: "Request Entity Too Large" }),
    busy: json(503, { error: "Service Unavailable" }, { "retry-after": "1" }),
    typeConflict: () => json(400, { error: `partial write: ${conflict}` }),
    unparsable: (line) => json(400, { error: `unable to parse '${line}': invalid number` }),
  },
  {
    name: "2.7",
    ping: { status: 204, headers: { "x-influxdb-version": "v2.7.12", "x-influxdb-build": "OSS" } },
    createDatabase: json(200, { results: [{ statement_id: 0, error: "not implemented: CREATE DATABASE" }] }),
    noDatabase: json(404, { code: "not found", message: 'bucket "wattlas" not found' }),
    wrongPassword: json(401, { code: "unauthorized", message: "Unauthorized" }),
    tooLarge: json(413, { code: "request too large", message: "unable to read data: points batch is too large" }),
    busy: json(503, { code: "unavailable", message: "service unavailable" }, { "retry-after": "1" }),
    typeConflict: () =>
      json(422, {
        code: "unprocessable entity",
        message: `failure writing points to database: partial write: ${conflict}`,
      }),
    unparsable: (line) => json(400, { code: "invalid", message: `unable to parse '${line}': invalid number` }),
  },
  {
    name: "3 Core",
    ping: json(
      200,
      { version: "3.10.0", revision: "0" },
      { "x-influxdb-version": "3.10.0", "x-influxdb-build": "Core" },
    ),
    createDatabase: json(400, { error: "query error: CREATE DATABASE is not supported" }),
    noDatabase: json(404, { error: "database not found: wattlas" }),
    wrongPassword: json(401, { error: "the request was not authenticated" }),
    tooLarge: json(413, { error: "request body too large" }),
    busy: json(429, { error: "too many requests" }, { "retry-after": "1" }),
    // The v1 face writes all of a batch or nothing.
    typeConflict: (line) =>
      json(400, {
        error: "parsing failed for write_lp endpoint",
        data: {
          original_line: line,
          line_number: 1,
          error_message:
            "invalid column type for column 'power_w', expected iox::column_type::field::float, got iox::column_type::field::string",
        },
      }),
    unparsable: (line) =>
      json(400, {
        error: "parsing failed for write_lp endpoint",
        data: { original_line: line, line_number: 1, error_message: "No fields were provided" },
      }),
  },
];

export interface Stub extends AsyncDisposable {
  readonly url: string;
  /** Lines taken, in the order of their answers. */
  readonly lines: readonly string[];
  readonly requests: readonly { readonly lines: number; readonly encoding: string; readonly path: string }[];
  readonly mostAtOnce: () => number;
}

/** `judge` answers a write before it is taken; null takes it. Writes are answered in the order `pace` lets them. */
export const startStub = async (
  dialect: Dialect,
  judge: (lines: readonly string[], number: number) => Answer | null,
  pace: (number: number) => Promise<void> = async () => undefined,
): Promise<Stub> => {
  const lines: string[] = [];
  const requests: { lines: number; encoding: string; path: string }[] = [];
  let [now, most] = [0, 0];

  const respond = async (request: IncomingMessage): Promise<Answer> => {
    const path = request.url ?? "";
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    if (path.startsWith("/ping")) return dialect.ping;
    const encoding = request.headers["content-encoding"] ?? "plain";
    const text = (encoding === "gzip" ? gunzipSync(bytes) : bytes).toString();
    if (path.startsWith("/query")) {
      const statements = (new URLSearchParams(text).get("q") ?? "").split(";\n");
      if (statements[0]?.startsWith("CREATE DATABASE")) return dialect.createDatabase;
      return json(200, { results: statements.map((_, index) => ({ statement_id: index })) });
    }
    const sent = text.split("\n");
    requests.push({ lines: sent.length, encoding, path });
    const number = requests.length;
    now += 1;
    most = Math.max(most, now);
    await pace(number);
    now -= 1;
    const refused = judge(sent, number);
    if (refused === null) lines.push(...sent);
    return refused ?? { status: 204 };
  };

  const server = createServer((request, response) => {
    respond(request).then(
      ({ status, body = "", headers = {} }) => response.writeHead(status, headers).end(body),
      () => response.destroy(),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `influx+http://user:pass@127.0.0.1:${port}/wattlas`,
    lines,
    requests,
    mostAtOnce: () => most,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
};
