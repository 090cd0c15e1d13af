import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import fastifyStatic from "@fastify/static";
import type { FastifyReply } from "fastify";
import type { App } from "./app.ts";
import { refuse } from "./problem.ts";

/** Hashed names: a changed file is another file. */
const immutablePath = /\/_app\/immutable\//;
const immutable = "public, max-age=31536000, immutable";

const unbuilt = "The web pages are not built yet: run `npm start`, or `npm run build` for them alone.\n";

/** The static application, with `index.html` for every address that is a page of it. */
export const webRoutes = async (app: App, webDir: string): Promise<void> => {
  const root = resolve(webDir);
  // Asked at each request: the pages may be built while we run.
  const isBuilt = (): boolean => existsSync(join(root, "index.html"));

  await app.register(fastifyStatic, {
    root,
    preCompressed: true,
    index: false,
    cacheControl: false,
    suppressWarning: true,
    schemaHide: true,
    setHeaders: (reply, path) => {
      reply.header("cache-control", immutablePath.test(path.replaceAll("\\", "/")) ? immutable : "no-cache");
    },
  });

  const page = (reply: FastifyReply): FastifyReply =>
    isBuilt() ? reply.sendFile("index.html") : reply.code(503).type("text/plain; charset=utf-8").send(unbuilt);

  app.get("/", { schema: { hide: true } }, async (_request, reply) => page(reply));

  app.setNotFoundHandler((request, reply) => {
    const [path = "/"] = request.url.split("?");
    const isPage = request.method === "GET" || request.method === "HEAD";
    if (isPage && !path.startsWith("/api/") && path !== "/api" && !/\.\w+$/.test(path)) return page(reply);
    return refuse(reply, {
      status: 404,
      code: "DASHBOARD_ROUTE_UNKNOWN",
      detail: `${request.method} ${path.slice(0, 200)} leads nowhere: see /api/openapi.json`,
    });
  });
};
