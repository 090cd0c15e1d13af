import { z } from "zod";
import { formatHead } from "#rules";
import { timestamp } from "#store";
import type { App, Context } from "../app.ts";
import { cursor, limit, rangeQuery } from "../query.ts";
import * as schema from "../schema.ts";

const entry = z
  .looseObject({
    who: z.string().optional(),
    what: z.string().optional(),
    said: z.string().optional(),
    at: z.number().optional(),
  })
  .describe("who did what when, with what it was done to");

/** What people did: acknowledgements, silences, permits, changes; and where the chain of evidence stands. */
export const auditRoutes = (app: App, { ledger, evidence }: Context): void => {
  app.get(
    "/api/v1/audit",
    {
      schema: {
        summary: "What people did, newest first",
        tags: ["audit"],
        querystring: rangeQuery({ limit: limit(1000, 100), cursor: cursor.optional() }),
        response: { 200: schema.list(entry), 400: schema.problem },
      },
    },
    async ({ query: { limit, cursor, from, to } }) => {
      const page = await ledger.list({
        kind: "audit",
        order: "newest-first",
        limit,
        ...(from === undefined ? {} : { from: timestamp(Number(from)) }),
        ...(to === undefined ? {} : { to: timestamp(Number(to)) }),
        ...(cursor === undefined ? {} : { cursor }),
      });
      return { items: page.items.map(({ body }) => body as Record<string, never>), next: page.next };
    },
  );
  app.get(
    "/api/v1/audit/head",
    {
      schema: {
        summary: "Where the chain of evidence stands: rows and hash; keep it elsewhere, npm run audit:verify takes it",
        tags: ["audit"],
        response: { 200: z.object({ head: z.string().nullable() }) },
      },
    },
    async () => ({ head: evidence === null ? null : formatHead(evidence.head()) }),
  );
};
