// Serves the built pages and one scene over HTTP, as the real server would.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { type Asked, answer } from "./answer.ts";
import { alertsAt } from "./scene/alerts.ts";
import { healthAt } from "./scene/ingest.ts";
import type { Mood } from "./scene/place.ts";
import { nowAt } from "./scene/site.ts";

const build = fileURLToPath(new URL("../web/build", import.meta.url));
const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".json": "application/json",
};

export interface Stage extends AsyncDisposable {
  readonly url: string;
  /** What was posted, newest last. */
  readonly posted: { readonly path: string; readonly body: unknown }[];
  /** A new alert opens while somebody is looking. */
  readonly raise: (id: string) => void;
  mood: Mood;
  empty: boolean;
  /** Progress of the demonstration's history; null when it is not running. */
  history: number | null;
  /** Ends every live connection and refuses new ones. */
  silent: boolean;
}

export const startStage = async (): Promise<Stage> => {
  if (!existsSync(join(build, "index.html")))
    throw new Error(`the pages are not built: run "vite build" in dashboard/web`);
  const live = new Set<ServerResponse>();
  const posted: Stage["posted"] = [];
  const state = { mood: "calm" as Mood, empty: false, history: null as number | null, silent: false };

  const health = () =>
    healthAt(Date.now(), state.history === null ? null : { phase: "history", progress: state.history });
  const send = (response: ServerResponse, event: string, data: unknown): void => {
    response.write(`id: ${Date.now()}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  };
  const tell = (response: ServerResponse): void => {
    send(response, "health", health());
    if (!state.empty) send(response, "now", nowAt(Date.now(), state.mood));
  };
  const raised: ReturnType<typeof alertsAt>[number][] = [];
  const raise = (id: string): void => {
    const [first] = alertsAt(Date.now());
    if (first === undefined) return;
    const alert = { ...first, id, start: Date.now() };
    raised.unshift(alert);
    for (const response of live) send(response, "alert", alert);
  };
  const timer = setInterval(() => {
    for (const response of live) {
      if (state.silent) response.destroy();
      else tell(response);
    }
  }, 1000);

  const api = (asked: Pick<Asked, "method" | "path" | "query" | "body">): unknown =>
    answer({ ...asked, ts: Date.now(), mood: state.mood, empty: state.empty, raised, health: health() });

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://stage");
    const path = url.pathname;
    if (path === "/api/v1/live") {
      if (state.silent) {
        response.writeHead(503).end();
        return;
      }
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
      live.add(response);
      response.on("close", () => live.delete(response));
      tell(response);
      return;
    }
    if (path.startsWith("/api/v1/")) {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        const method = request.method ?? "GET";
        const body: unknown = method === "POST" ? JSON.parse(text) : null;
        if (method === "POST") posted.push({ path, body });
        const said = api({ method, path: path.slice("/api/v1/".length), query: url.searchParams, body });
        response.writeHead(said === undefined ? 404 : 200, { "content-type": "application/json" });
        response.end(JSON.stringify(said ?? { code: "DASHBOARD_ROUTE_UNKNOWN", detail: path }));
      });
      return;
    }
    const file = extname(path) === "" ? "index.html" : normalize(path);
    readFile(join(build, file)).then(
      (body) => {
        response.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream" });
        response.end(body);
      },
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;

  return Object.assign(state, {
    url: `http://127.0.0.1:${port}`,
    posted,
    raise,
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  });
};
