import { z } from "zod";
import { type Alert, type AlertQuery, alertStates, severities } from "#rules";
import { identifierPattern } from "#store";
import type { RulesPart } from "./parts.ts";
import { choice, identifier, oneOf, rangeQuery } from "./query.ts";

const named = (text: string): string | null => (identifierPattern.test(text) ? text : null);

export const alertFilter = {
  site: identifier.optional(),
  state: choice(oneOf(alertStates), `one of ${alertStates.join(", ")}`).optional(),
  severity: choice(oneOf(severities), `one of ${severities.join(", ")}`).optional(),
  shadow: z
    .enum(["true", "false"])
    .optional()
    .describe("true: only alerts of rules in shadow mode, which are left out otherwise"),
  rule: choice(named, "a rule id such as R04").optional(),
  subject: choice(named, "a node or device").optional(),
  text: z
    .string()
    .trim()
    .max(200)
    .optional()
    .describe("words that all must be in its names, its title in either language, or what people wrote"),
};

export const alertFilterQuery = rangeQuery(alertFilter);
export type AlertFilter = z.output<typeof alertFilterQuery>;

type Defined<Fields> = { [Key in keyof Fields]?: Exclude<Fields[Key], undefined> };

/** As the rules stage takes it. */
export const askedAlerts = ({ shadow, ...filter }: AlertFilter): Omit<AlertQuery, "limit" | "cursor"> => ({
  ...(Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined)) as Defined<typeof filter>),
  ...(shadow === "true" ? { shadow: true } : {}),
});

/** Every alert of the query, a page at a time. */
export async function* alertPages(
  rules: Pick<RulesPart, "list">,
  query: Omit<AlertQuery, "limit" | "cursor">,
): AsyncGenerator<readonly Alert[]> {
  let cursor: string | undefined;
  do {
    const page = await rules.list({ ...query, limit: 1000, ...(cursor === undefined ? {} : { cursor }) });
    yield page.items;
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
}
