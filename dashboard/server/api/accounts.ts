import { z } from "zod";
import { accountChanges, accountSteps } from "#energy";
import type { App, Context } from "../app.ts";
import { refuse, unknownSite } from "../problem.ts";
import { cursor, dayMs, identifier, instant, knownAt, limit, rangeOf, rangeQuery } from "../query.ts";
import * as schema from "../schema.ts";

export const accountRoutes = (app: App, { energy, now }: Context): void => {
  app.get(
    "/api/v1/accounts",
    {
      schema: {
        summary: "The books: energy sums of a site per window, oldest first",
        tags: ["energy"],
        querystring: rangeQuery({
          site: identifier,
          step: z.enum(accountSteps).default("1h"),
          limit: limit(2000, 200),
          cursor: cursor.optional(),
          knownAt: knownAt.optional(),
        }),
        response: { 200: schema.list(schema.account), 400: schema.problem, 404: schema.problem },
      },
    },
    async ({ query: asked }, reply) => {
      if (!energy.sites().some(({ id }) => id === asked.site)) return refuse(reply, unknownSite(asked.site));
      return energy.accounts({
        site: asked.site,
        step: asked.step,
        ...rangeOf(asked, now(), dayMs),
        limit: asked.limit,
        ...(asked.cursor === undefined ? {} : { cursor: asked.cursor }),
        ...(asked.knownAt === undefined ? {} : { knownAt: asked.knownAt }),
      });
    },
  );

  app.get(
    "/api/v1/accounts/revisions",
    {
      schema: {
        summary: "One account in every revision, oldest first, each with what it changed and when",
        tags: ["energy"],
        querystring: z.strictObject({
          site: identifier,
          step: z.enum(accountSteps).default("1d"),
          start: instant.describe("start of the window, UTC milliseconds"),
          revision: z.coerce.number().int().min(1).optional().describe("this one only"),
        }),
        response: { 200: schema.accountRevisions, 400: schema.problem, 404: schema.problem },
      },
    },
    async ({ query: { site, step, start, revision } }, reply) => {
      if (!energy.sites().some(({ id }) => id === site)) return refuse(reply, unknownSite(site));
      const all = await energy.revisions({ site, step, start });
      const items = all.filter((one) => revision === undefined || one.revision === revision);
      if (items.length > 0) return { items: [...items] };
      const which = revision === undefined ? "" : ` with revision ${revision}`;
      return refuse(reply, {
        status: 404,
        code: "DASHBOARD_ACCOUNT_UNKNOWN",
        detail: `no ${step} account of site "${site}" starts at ${start}${which}`,
      });
    },
  );

  app.get(
    "/api/v1/accounts/difference",
    {
      schema: {
        summary: "Every figure in which two revisions of one account differ",
        tags: ["energy"],
        querystring: z.strictObject({
          site: identifier,
          step: z.enum(accountSteps).default("1d"),
          start: instant.describe("start of the window, UTC milliseconds"),
          before: z.coerce.number().int().min(1).describe("a revision"),
          after: z.coerce.number().int().min(1).optional().describe("another revision; the newest when left out"),
        }),
        response: { 200: schema.accountDifference, 400: schema.problem, 404: schema.problem },
      },
    },
    async ({ query: { site, step, start, before, after } }, reply) => {
      if (!energy.sites().some(({ id }) => id === site)) return refuse(reply, unknownSite(site));
      const all = await energy.revisions({ site, step, start });
      const old = all.find(({ revision }) => revision === before);
      const fresh = after === undefined ? all.at(-1) : all.find(({ revision }) => revision === after);
      if (old !== undefined && fresh !== undefined)
        return {
          before: { revision: old.revision, at: old.at },
          after: { revision: fresh.revision, at: fresh.at },
          changes: [...accountChanges(old.account, fresh.account)],
        };
      return refuse(reply, {
        status: 404,
        code: "DASHBOARD_ACCOUNT_UNKNOWN",
        detail: `no ${step} account of site "${site}" starts at ${start} with revision ${old === undefined ? before : after}`,
      });
    },
  );
};
