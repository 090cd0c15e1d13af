// An HTTP server in front of influxd that can be away, hang, refuse and dawdle.
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { gunzipSync } from "node:zlib";

export type StubMode = "ok" | "down" | "hung" | "503" | "400" | "413" | "slow";

export interface StoreStub extends AsyncDisposable {
  readonly port: number;
  mode: StubMode;
  /** Writes that were let through, and that were refused. */
  readonly counts: { passed: number; refused: number };
}

const slowMs = 1500;
/** What mode 400 refuses; all other writes pass, as with a type conflict. */
export const poison = "device=poison";
const smallBytes = 1000; // some six lines

export async function startStoreStub(influxdPort: number): Promise<StoreStub> {
  const counts = { passed: 0, refused: 0 };
  const answer = (response: ServerResponse, status: number, error: string, headers: Record<string, string> = {}) => {
    counts.refused += 1;
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify({ error }));
  };

  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { mode } = stub;
    if (mode === "down") {
      incoming.socket.destroy();
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const isWrite = incoming.url?.startsWith("/write") ?? false;
    if (mode === "hung") return;
    if (mode === "503") return answer(response, 503, "timeout", { "retry-after": "1" });
    if (mode === "slow") await wait(slowMs);
    if (isWrite && (mode === "400" || mode === "413")) {
      const text = (incoming.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body).toString();
      if (mode === "413" && text.length > smallBytes) return answer(response, 413, "Request Entity Too Large");
      if (mode === "400" && text.includes(poison))
        return answer(response, 400, "partial write: field type conflict dropped=1");
    }
    if (isWrite) counts.passed += 1;
    const forward = request(
      { host: "127.0.0.1", port: influxdPort, path: incoming.url, method: incoming.method, headers: incoming.headers },
      (back) => {
        response.writeHead(back.statusCode ?? 502, back.headers);
        back.pipe(response);
      },
    );
    forward.on("error", () => response.destroy());
    forward.end(body);
  };

  const server = createServer((incoming, response) => {
    handle(incoming, response).catch(() => response.destroy());
  }).listen(0, "127.0.0.1");
  server.on("connection", (socket) => {
    if (stub.mode === "down") socket.destroy();
  });
  await once(server, "listening");
  const address = server.address();
  const stub: StoreStub = {
    port: typeof address === "object" && address !== null ? address.port : 0,
    mode: "ok",
    counts,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return stub;
}
