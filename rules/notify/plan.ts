import { parse } from "node-cron";
import { z } from "zod";
import { alertStates, severities } from "../alert.ts";
import { findPlaces, type RuleFault } from "../rule-places.ts";
import { issueText, keyed, unknownKey } from "../wording.ts";
import { chatKinds } from "./chat.ts";

// The notification file: who is told what, by which way, and when not.

const tiersAtMost = 5;
const name = z
  .string()
  .regex(/^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,63}$/u, "must be 1 to 64 letters, digits, spaces and . _ -");
const list = z.array(z.string().min(1)).min(1);
const seconds = z.number().int().min(0).max(31_536_000);
const port = z.number().int().min(1).max(65_535);
const language = z.enum(["en", "zh-CN"]);
const httpUrl = z.url({ protocol: /^https?$/, error: "must be a http or https address" });
const secret = { secret: z.string().min(1).optional(), secret_file: z.string().min(1).optional() };
const zone = z.string().refine(isZone, "must be a time zone of the tz database, such as Asia/Shanghai");
const cron = z.string().refine(isCron, "must be a cron expression of five fields, such as 0 8 * * 1-5");

const base = { name, language: language.optional() };
const channel = z.discriminatedUnion("kind", [
  z.strictObject({ ...base, kind: z.literal("webhook"), url: httpUrl, ...secret }),
  z.strictObject({ ...base, kind: z.enum(chatKinds), url: httpUrl, ...secret }),
  z.strictObject({ ...base, kind: z.literal("alertmanager"), url: httpUrl, ...secret }),
  z.strictObject({
    ...base,
    kind: z.literal("email"),
    host: z.string().min(1),
    port: port.default(587),
    security: z.enum(["tls", "starttls", "none"]).default("starttls"),
    user: z.string().min(1).optional(),
    ...secret,
    from: z.string().min(3),
    to: list,
  }),
  z.strictObject({
    ...base,
    kind: z.literal("sms"),
    url: httpUrl,
    ...secret,
    format: z.enum(["json", "form"]).default("json"),
    fields: z.record(z.string().min(1), z.string()),
    to: list,
  }),
  z.strictObject({ ...base, kind: z.literal("modem"), device: z.string().min(1), to: list }),
  z.strictObject({
    ...base,
    kind: z.literal("mqtt"),
    topic: z
      .string()
      .min(1)
      .max(256)
      .regex(/^[^+#$][^+#]*$/, "must be a topic without + # and leading $"),
    payload: z.enum(["message", "state"]).default("message"),
  }),
]);
export type ChannelPlan = z.output<typeof channel>;

const matcher = z
  .strictObject({
    site: list.exactOptional(),
    rule: list.exactOptional(),
    subject: list.exactOptional(),
    severity: z.array(z.enum(severities)).min(1).exactOptional(),
    state: z.array(z.enum(alertStates)).min(1).exactOptional(),
  })
  .describe("all that are given must match; * stands for any characters");
/** Which alerts; every key that is given must match, `*` stands for any characters. */
export type Matcher = z.output<typeof matcher>;
export const matcherShape = matcher;

const days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$|^24:00$/, "must be a time of day such as 08:00");

const shape = z
  .strictObject({
    language: language.default("en"),
    public_url: httpUrl.optional(),
    channels: z.array(channel).min(1),
    people: z.array(z.strictObject({ name, channels: list })).default([]),
    rosters: z
      .array(
        z.strictObject({
          name,
          time_zone: zone,
          shifts: z
            .array(z.strictObject({ person: name, days: z.array(z.enum(days)).min(1), from: clock, to: clock }))
            .min(1),
        }),
      )
      .default([]),
    routes: z
      .array(
        z.strictObject({
          name,
          match: matcher.default({}),
          group_wait_s: seconds.max(600).default(10),
          repeat_s: seconds.min(60).optional(),
          returned: z.enum(["tell", "quiet"]).default("tell"),
          tiers: z
            .array(z.strictObject({ after_s: seconds.default(0), to: list }))
            .min(1)
            .max(tiersAtMost),
        }),
      )
      .default([]),
    maintenance: z
      .array(
        z.strictObject({
          name,
          match: matcher,
          cron,
          time_zone: zone,
          minutes: z.number().int().min(1).max(10_080),
        }),
      )
      .default([]),
    all_is_well: z.strictObject({ cron, time_zone: zone, to: list }).optional(),
    reports: z
      .array(z.strictObject({ name, period: z.enum(["day", "week", "month"]), cron, time_zone: zone, to: list }))
      .default([]),
    heartbeat: z.strictObject({ url: httpUrl, every_s: z.number().int().min(10).max(86_400).default(60) }).optional(),
  })
  .superRefine((plan, context) => {
    const fault = (path: (string | number)[], message: string): void =>
      context.addIssue({ code: "custom", path, message });
    const once = (
      section: "channels" | "people" | "rosters" | "routes" | "maintenance" | "reports",
    ): ReadonlySet<string> => {
      const seen = new Set<string>();
      for (const [index, entry] of plan[section].entries()) {
        if (seen.has(entry.name)) fault([section, index, "name"], `"${entry.name}" is there twice`);
        seen.add(entry.name);
      }
      return seen;
    };
    const channels = once("channels");
    const people = once("people");
    const rosters = once("rosters");
    for (const section of ["routes", "maintenance", "reports"] as const) once(section);
    const known = (path: (string | number)[], targets: readonly string[]): void =>
      targets.forEach((target, index) => {
        const [kind, rest] = target.includes(":")
          ? [target.slice(0, target.indexOf(":")), target.slice(target.indexOf(":") + 1)]
          : ["channel", target];
        const names = { channel: channels, person: people, roster: rosters }[kind];
        if (names === undefined) fault([...path, index], `"${target}" is neither a channel nor person:… nor roster:…`);
        else if (!names.has(rest)) fault([...path, index], `there is no ${kind} "${rest}"`);
      });
    plan.channels.forEach((entry, index) => {
      if ("secret" in entry && entry.secret !== undefined && entry.secret_file !== undefined)
        fault(["channels", index, "secret_file"], "secret and secret_file exclude each other");
      if (
        entry.kind === "email" &&
        entry.user !== undefined &&
        entry.secret === undefined &&
        entry.secret_file === undefined
      )
        fault(["channels", index, "user"], "a user needs secret or secret_file, the password");
      if (entry.kind === "mqtt" && /^dc\/[^/]*\/(account|alert|system)(\/|$)/.test(entry.topic))
        fault(["channels", index, "topic"], `"${entry.topic}" is a topic of Wattlas's own`);
    });
    for (const [index, person] of plan.people.entries()) {
      const own = person.channels.map((one) => `channel:${one}`);
      known(["people", index, "channels"], own);
    }
    for (const [index, roster] of plan.rosters.entries())
      for (const [at, shift] of roster.shifts.entries()) {
        if (!people.has(shift.person))
          fault(["rosters", index, "shifts", at, "person"], `there is no person "${shift.person}"`);
        if (shift.from === shift.to) fault(["rosters", index, "shifts", at, "to"], "the shift is empty");
      }
    for (const [index, route] of plan.routes.entries())
      for (const [at, tier] of route.tiers.entries()) {
        known(["routes", index, "tiers", at, "to"], tier.to);
        const before = route.tiers[at - 1];
        if (before !== undefined && tier.after_s <= before.after_s)
          fault(["routes", index, "tiers", at, "after_s"], `must be more than ${before.after_s}, the tier before it`);
      }
    plan.maintenance.forEach((window, index) => {
      if (Object.keys(window.match).length === 0)
        fault(["maintenance", index, "match"], "must say which alerts: an empty match would mute them all");
    });
    for (const [index, report] of plan.reports.entries()) known(["reports", index, "to"], report.to);
    if (plan.all_is_well !== undefined) known(["all_is_well", "to"], plan.all_is_well.to);
  });

/** The notification file, checked. */
export type NotifyPlan = z.output<typeof shape>;
export type Route = NotifyPlan["routes"][number];
export type Roster = NotifyPlan["rosters"][number];

/** A notification file, or every fault in it with its place. Opens nothing. */
export const parseNotifyPlan = (
  source: string,
  file: string,
): { readonly ok: true; readonly plan: NotifyPlan } | { readonly ok: false; readonly faults: readonly RuleFault[] } => {
  const places = findPlaces(source, file);
  if (places.faults.length > 0) return { ok: false, faults: places.faults };
  const shaped = shape.safeParse(places.value);
  if (shaped.success) return { ok: true, plan: shaped.data };
  const faults = shaped.error.issues.map((issue) =>
    places.fault(
      issue.path.map(String),
      keyed(issue.path.join("."), issueText(issue, places.value)),
      0,
      unknownKey(issue),
    ),
  );
  return { ok: false, faults };
};

function isZone(text: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: text });
    return true;
  } catch {
    return false;
  }
}

function isCron(text: string): boolean {
  try {
    parse(text);
    return text.trim().split(/\s+/).length === 5;
  } catch {
    return false;
  }
}
