import fastifySwagger from "@fastify/swagger";
import { jsonSchemaTransform } from "fastify-type-provider-zod";
import type { App } from "./app.ts";

/** OpenAPI 3.1 of every route that is registered after this, at `/api/openapi.json`. */
export const openapiRoute = async (app: App, version: string): Promise<void> => {
  await app.register(fastifySwagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Wattlas",
        version,
        description:
          "Times are UTC milliseconds, powers watts, energies watt-hours; units stand in the names. Lists are keyset-paged: pass `next` back as `cursor`. Errors are application/problem+json with a stable `code`.",
      },
      tags: ["system", "sites", "energy", "readings", "alerts", "ingest", "live"].map((name) => ({ name })),
    },
    transform: jsonSchemaTransform,
  });
  app.get("/api/openapi.json", { schema: { hide: true } }, async (_request, reply) => reply.send(app.swagger()));
};
