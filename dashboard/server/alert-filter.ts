import { z } from "zod";
import { type Alert, type AlertQuery, alertStates, severities } from "#rules";
import type { Page } from "#store";
import type { RulesPart } from "./parts.ts";
import { type Choice, choice, chosen, identifier, oneOf, rangeQuery } from "./query.ts";

/** Pages looked through for one answer, when a filter lets little pass. */
const mostPages = 20;

const ruleId = (text: string): string | null => (/^[A-Za-z0-9._-]{1,64}$/.test(text) ? text : null);

export const alertFilter = {
  site: identifier.optional(),
  state: choice(oneOf(alertStates), `one of ${alertStates.join(", ")}`).optional(),
  severity: choice(oneOf(severities), `one of ${severities.join(", ")}`).optional(),
  shadow: z
    .enum(["true", "false"])
    .optional()
    .describe("true: only alerts of rules in shadow mode, which are left out otherwise"),
  rule: choice(ruleId, "a rule id such as R04").optional(),
};

export const alertFilterQuery = rangeQuery(alertFilter);
export type AlertFilter = z.output<typeof alertFilterQuery>;

const single = <Value extends string>(filter: Choice<Value> | undefined): Value | undefined =>
  filter?.match === "in" && filter.values.length === 1 ? filter.values[0] : undefined;

const withoutUndefined = <Fields extends object>(fields: Fields) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Key in keyof Fields]?: Exclude<Fields[Key], undefined>;
  };

/** What the rules stage filters itself; the rest is sieved here. */
const ruleQuery = (filter: AlertFilter, limit: number, cursor: string | undefined): AlertQuery => ({
  ...withoutUndefined({
    site: filter.site,
    from: filter.from,
    to: filter.to,
    state: single(filter.state),
    severity: single(filter.severity),
    rule: single(filter.rule),
    cursor,
    shadow: filter.shadow === "true" ? true : undefined,
  }),
  limit,
});

const passes =
  (filter: AlertFilter) =>
  (alert: Alert): boolean =>
    chosen(filter.state, alert.state) && chosen(filter.severity, alert.severity) && chosen(filter.rule, alert.rule);

/** One page of the filter. It may hold fewer than `limit`; only `next: null` is the end. */
export const listAlerts = async (
  rules: Pick<RulesPart, "list">,
  filter: AlertFilter,
  { limit, cursor }: { readonly limit: number; readonly cursor: string | undefined },
): Promise<Page<Alert>> => {
  let at = cursor;
  for (let pages = 1; ; pages++) {
    const page = await rules.list(ruleQuery(filter, limit, at));
    const items = page.items.filter(passes(filter));
    if (items.length > 0 || page.next === null || pages === mostPages) return { items, next: page.next };
    at = page.next;
  }
};

/** Every alert of the filter, a page at a time. */
export async function* alertPages(
  rules: Pick<RulesPart, "list">,
  filter: AlertFilter,
): AsyncGenerator<readonly Alert[]> {
  let cursor: string | undefined;
  do {
    const page = await listAlerts(rules, filter, { limit: 1000, cursor });
    yield page.items;
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
}
