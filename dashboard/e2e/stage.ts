// Serves the built pages and one scene over HTTP, as the real server would.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import * as scene from "./scene.ts";

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
  mood: scene.Mood;
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
  const state = { mood: "calm" as scene.Mood, empty: false, history: null as number | null, silent: false };

  const health = () =>
    scene.healthAt(Date.now(), state.history === null ? null : { phase: "history", progress: state.history });
  const send = (response: ServerResponse, event: string, data: unknown): void => {
    response.write(`id: ${Date.now()}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  };
  const tell = (response: ServerResponse): void => {
    send(response, "health", health());
    if (!state.empty) send(response, "now", scene.nowAt(Date.now(), state.mood));
  };
  const raised: ReturnType<typeof scene.alertsAt>[number][] = [];
  const raise = (id: string): void => {
    const [first] = scene.alertsAt(Date.now());
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

  const api = (path: string, query: URLSearchParams): unknown => {
    const ts = Date.now();
    const list = (items: readonly unknown[]) => ({ items, next: null });
    const id = /^alerts\/([^/]+)/.exec(path)?.[1];
    const every = [...raised, ...scene.alertsAt(ts), ...scene.pastAlerts(ts)];
    if (id !== undefined) {
      const found = every.find((alert) => alert.id === id);
      return found === undefined ? undefined : path.endsWith("/history") ? list(scene.historyOf(found)) : found;
    }
    switch (path) {
      case "health":
        return health();
      case "sites":
        return list(state.empty ? [] : [scene.site, scene.otherSite]);
      case "rules":
        return list(scene.rules);
      case "alerts": {
        const severity = query.get("severity")?.split(",");
        return list(
          every
            .filter((alert) => query.get("state") !== "!CLOSED" || alert.state !== "CLOSED")
            .filter((alert) => severity === undefined || severity.includes(alert.severity)),
        );
      }
      case "trends":
        return scene.trendOf(
          query.get("kpi") ?? "",
          query.get("variant"),
          Number(query.get("from")),
          Number(query.get("to")),
        );
      case "accounts": {
        const from = Number(query.get("from"));
        const minutes = Math.max(0, Math.floor((Number(query.get("to")) - from) / 60_000));
        return list(
          Array.from({ length: minutes }, (_, index) => {
            const start = from + index * 60_000;
            const bump = state.mood === "open" && index > minutes - 14 ? 17_500 : 0;
            return {
              start,
              balance: { residualW: 2600 * Math.sin(start / 400_000) + bump, toleranceW: 10_000 },
            };
          }),
        );
      }
      case "devices":
        return list(state.empty ? [] : scene.devicesAt(ts));
      case "ingest":
        return scene.ingestAt(ts);
      case "dead-letters":
        return list(scene.lettersAt(ts).filter(({ code }) => query.get("code") === null || query.get("code") === code));
      case "series": {
        const trend = scene.trendOf("pue", null, Number(query.get("from")), Number(query.get("to")));
        const mean = trend.value.map((value) => (value === null ? null : (value - 1) * 250));
        return {
          site: scene.site.id,
          device: query.get("device"),
          quantity: query.get("quantity"),
          unit: "%",
          step: trend.step === "1d" ? "1h" : trend.step,
          ts: trend.start,
          mean,
          min: mean,
          max: mean,
          coverage: trend.coverage,
        };
      }
      default:
        return undefined;
    }
  };

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
        if (request.method === "POST") posted.push({ path, body: JSON.parse(text) });
        const answer = api(path.slice("/api/v1/".length), url.searchParams);
        response.writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" });
        response.end(JSON.stringify(answer ?? { code: "DASHBOARD_ROUTE_UNKNOWN", detail: path }));
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
