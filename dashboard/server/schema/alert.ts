// Alerts, the rules that raise them, and what people say to them.
import { z } from "zod";
import { alertStates, severities } from "#rules";
import { ms, person, text, words } from "./parts.ts";

export const alert = z.object({
  id: z.string(),
  rule: z.string(),
  ruleVersion: z.number(),
  site: z.string(),
  subject: z.string(),
  subcode: z.string(),
  severity: z.enum(severities),
  state: z.enum(alertStates),
  start: ms,
  active: ms.nullable(),
  returned: ms.nullable(),
  closed: ms.nullable(),
  changed: z.object({ wall: ms, site: ms }),
  acknowledged: z.object({ by: z.string(), reason: z.string(), at: ms }).nullable(),
  assignee: z.string().nullable(),
  comments: z.array(z.object({ by: z.string(), text: z.string(), at: ms })),
  inputs: z.record(z.string(), z.union([z.number(), z.string(), z.null()])),
  thresholds: z.record(z.string(), z.union([z.number(), z.string()])),
  title: text,
  action: text,
  lossInputs: z.record(z.string(), z.union([z.number(), z.string(), z.null()])).exactOptional(),
  restated: z.boolean(),
  shadow: z.literal(true).exactOptional(),
  incident: z.object({ id: z.string(), held: z.boolean() }).exactOptional(),
  flapping: z.literal(true).exactOptional(),
  shelved: z
    .object({ by: z.string(), reason: z.string(), until: ms, was: z.enum(alertStates).exclude(["SHELVED"]) })
    .exactOptional(),
  raised: z
    .object({ rule: z.string(), alert: z.string(), from: z.enum(severities) })
    .exactOptional()
    .describe("worse than its own levels say, since this alert of another rule was open too"),
  timeline: z.array(z.tuple([ms, z.string()])).exactOptional(),
  occurrences: z.number(),
  again: ms.exactOptional().describe("when it came back the newest time, UTC milliseconds"),
});

export const rule = z.object({
  id: z.string(),
  version: z.number(),
  title: text,
  action: text,
  mode: z.enum(["on", "shadow", "off"]),
  on: z.enum(["account", "reading"]),
  subject: z.enum(["site", "node", "device"]),
  everyS: z.number().nullable().describe("judged this often; null: on every reading or window"),
  inputs: z.array(z.string()),
  levels: z.array(
    z.object({
      severity: z.enum(severities),
      subcode: z.string(),
      trigger: z.string(),
      holdOnS: z.number(),
      clear: z.string(),
      holdOffS: z.number(),
    }),
  ),
  parameters: z.record(z.string(), z.number()),
  sites: z.record(
    z.string(),
    z.object({ mode: z.enum(["on", "shadow", "off"]), parameters: z.record(z.string(), z.number()) }),
  ),
  subjects: z.record(z.string(), z.number().int()).describe("how many it looks at, by site"),
  hasLoss: z.boolean(),
  origin: z.enum(["shipped", "own"]),
  file: z.string(),
  source: z.string(),
});

export const ack = z.strictObject({ by: person, reason: words.exactOptional() });
export const assign = z.strictObject({ by: person, assignee: person.nullable() });
export const comment = z.strictObject({ by: person, text: words.min(1) });
export const shelve = z.strictObject({ by: person, reason: words.min(1), until: ms.int().positive() });
